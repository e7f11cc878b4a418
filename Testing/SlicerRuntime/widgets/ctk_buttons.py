"""Stand-ins for CTK's buttons and foldable boxes."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from .declaring import stands_for_cpp, stored

_HEADER_MARGIN = 4


@stands_for_cpp
class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A flat header over the full width, with a triangle; its contents are shown below it while it is not collapsed."""

    contentsCollapsed = Signal(bool)
    cpp_signals = {"contentsCollapsed(bool)": "contentsCollapsed"}
    collapsedHeight = stored("collapsedHeight", int, 10)
    flat = stored("flat", bool, False)
    buttonTextAlignment = stored("buttonTextAlignment", int, 0x0084)
    indicatorAlignment = stored("indicatorAlignment", int, 0x0081)
    contentsFrameShape = stored("contentsFrameShape", int, 0)
    contentsFrameShadow = stored("contentsFrameShadow", int, 16)
    contentsLineWidth = stored("contentsLineWidth", int, 1)
    contentsMidLineWidth = stored("contentsMidLineWidth", int, 0)

    def __init__(self, *arguments: Any) -> None:
        parents = [argument for argument in arguments if not isinstance(argument, str)]
        super().__init__(*parents)
        self.setCheckable(True)
        self.setChecked(True)
        self.setSizePolicy(QtWidgets.QSizePolicy.Preferred, QtWidgets.QSizePolicy.Preferred)
        self.setContentsMargins(0, self._header_height(), 0, 0)
        self.setText(next((argument for argument in arguments if isinstance(argument, str)), ""))
        self.toggled.connect(self._toggled)

    def _header_height(self) -> int:
        return self.fontMetrics().height() + 2 * _HEADER_MARGIN

    def _toggled(self, unfolded: bool) -> None:
        self._show_contents()
        self.contentsCollapsed.emit(not unfolded)

    def _show_contents(self) -> None:
        unfolded = self.isChecked()
        for child in self.children():
            if isinstance(child, QtWidgets.QWidget) and not child.isWindow():
                _fold(child, not unfolded)
        self.setMaximumHeight(16777215 if unfolded else self._header_height())
        self.updateGeometry()

    def childEvent(self, event: QtCore.QChildEvent) -> None:
        # Only a polished child is a whole object: at "added" its C++ class is still being constructed.
        if event.polished() and not self.isChecked() and isinstance(event.child(), QtWidgets.QWidget):
            _fold(event.child(), True)
        super().childEvent(event)

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        self._show_contents()
        super().showEvent(event)

    def hitButton(self, position: QtCore.QPoint) -> bool:
        return position.y() < self._header_height()

    def sizeHint(self) -> QtCore.QSize:
        header = QtCore.QSize(self.fontMetrics().horizontalAdvance(self.text) + 40, self._header_height())
        if not self.isChecked() or self.layout() is None:
            return header
        return header.expandedTo(self.layout().totalSizeHint())

    def minimumSizeHint(self) -> QtCore.QSize:
        if not self.isChecked() or self.layout() is None:
            return QtCore.QSize(0, self._header_height())
        return self.layout().totalMinimumSize()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtGui.QPainter(self)
        header = QtCore.QRect(0, 0, self.width, self._header_height())
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = header
        option.state |= QtWidgets.QStyle.State_Raised
        self.style().drawControl(QtWidgets.QStyle.CE_PushButtonBevel, option, painter, self)
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect(6, header.height() // 2 - 4, 9, 9)
        shape = QtWidgets.QStyle.PE_IndicatorArrowDown if self.isChecked() else QtWidgets.QStyle.PE_IndicatorArrowRight
        self.style().drawPrimitive(shape, arrow, painter, self)
        painter.setPen(self.palette.color(QtGui.QPalette.ButtonText))
        text = header.adjusted(22, 0, -4, 0)
        painter.drawText(text, QtCore.Qt.AlignVCenter | QtCore.Qt.AlignLeft | QtCore.Qt.TextShowMnemonic, self.text)
        painter.end()

    def _set_collapsed(self, collapsed: bool) -> None:
        self.setChecked(not collapsed)

    collapsed = Property(bool, lambda self: not self.isChecked(), _set_collapsed)


def _fold(child: QtWidgets.QWidget, folded: bool) -> None:
    """Hide a child and remember whether it had been shown, so that unfolding does not show what the module hid."""
    if folded:
        if not child.testAttribute(QtCore.Qt.WA_WState_ExplicitShowHide) or not child.isHidden():
            child.setProperty("_hidden_by_folding", True)
            child.setVisible(False)
    elif child.property("_hidden_by_folding"):
        child.setProperty("_hidden_by_folding", False)
        child.setVisible(True)


@stands_for_cpp
class ctkCollapsibleGroupBox(QtWidgets.QGroupBox):
    """A group box whose title folds it."""

    collapsedHeight = stored("collapsedHeight", int, 14)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.setCheckable(True)
        self.setChecked(True)
        self.toggled.connect(self._toggled)

    def _toggled(self, unfolded: bool) -> None:
        for child in self.children():
            if isinstance(child, QtWidgets.QWidget):
                _fold(child, not unfolded)

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        self._toggled(self.isChecked())
        super().showEvent(event)

    collapsed = Property(bool, lambda self: not self.isChecked(), lambda self, value: self.setChecked(not value))


@stands_for_cpp
class ctkExpandButton(QtWidgets.QToolButton):
    """A small button with an arrow that turns when it is pressed."""

    mirrorOnExpand = stored("mirrorOnExpand", bool, False)
    orientation = stored("orientation", object, QtCore.Qt.Horizontal)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.setCheckable(True)
        self.setAutoRaise(True)
        self.setArrowType(QtCore.Qt.RightArrow)
        self.toggled.connect(lambda on: self.setArrowType(QtCore.Qt.DownArrow if on else QtCore.Qt.RightArrow))


@stands_for_cpp
class ctkCheckBox(QtWidgets.QCheckBox):
    """A check box."""


@stands_for_cpp
class ctkPushButton(QtWidgets.QPushButton):
    """A push button."""


@stands_for_cpp
class ctkCheckablePushButton(ctkPushButton):
    """A push button with a check mark of its own."""


@stands_for_cpp
class ctkColorPickerButton(QtWidgets.QPushButton):
    """A button that shows a color and asks for another one."""

    colorChanged = Signal(QtGui.QColor)
    colorNameChanged = Signal(str)
    cpp_signals = {"colorChanged(QColor)": "colorChanged", "colorNameChanged(QString)": "colorNameChanged"}
    displayColorName = stored("displayColorName", bool, True)
    dialogOptions = stored("dialogOptions", int, 0)
    colorName = stored("colorName", str, "")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*[argument for argument in arguments if not isinstance(argument, QtGui.QColor)])
        self._color = next((QtGui.QColor(a) for a in arguments if isinstance(a, QtGui.QColor)), QtGui.QColor("black"))

    def setColor(self, color: QtGui.QColor) -> None:
        if color != self._color:
            self._color = QtGui.QColor(color)
            self.update()
            self.colorChanged.emit(self._color)

    def setDisplayColorName(self, displayed: bool) -> None:
        self.displayColorName = displayed

    def changeColor(self) -> None:
        chosen = QtWidgets.QColorDialog.getColor(self._color, self)
        if chosen.isValid():
            self.setColor(chosen)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect.adjusted(5, 5, -5, -5), self._color)
        painter.end()

    color = Property(QtGui.QColor, lambda self: QtGui.QColor(self._color), lambda self, value: self.setColor(value))


@stands_for_cpp
class ctkMessageBox(QtWidgets.QMessageBox):
    """A message box that can offer not to be shown again."""

    dontShowAgain = stored("dontShowAgain", bool, False)
    dontShowAgainVisible = stored("dontShowAgainVisible", bool, False)
    dontShowAgainSettingsKey = stored("dontShowAgainSettingsKey", str, "")

    def setDontShowAgain(self, dont: bool) -> None:
        self.dontShowAgain = dont
