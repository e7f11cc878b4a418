"""Plain tables of text: filling them, and copying them for a spreadsheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt


def fill_table(table: Any, header: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> None:
    """Show rows of text in a QTableWidget; the columns of `numbers` are set right."""
    table.setColumnCount(len(header))
    table.setHorizontalHeaderLabels(list(header))
    table.setRowCount(len(rows))
    table.verticalHeader().setVisible(False)
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            item = qt.QTableWidgetItem(text)
            if column in numbers:
                item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            table.setItem(number, column, item)
    table.resizeColumnsToContents()
    if header:
        table.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.Stretch)
    table.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)  # long words go on in a second line


def copy_table(table: Any) -> None:
    """Put the table on the clipboard: columns parted by tabs, its header first."""
    columns = range(table.columnCount)
    lines = ["\t".join(table.horizontalHeaderItem(column).text() for column in columns)]
    for row in range(table.rowCount):
        lines.append("\t".join(table.item(row, column).text() for column in columns))
    qt.QApplication.clipboard().setText("\n".join(lines))
