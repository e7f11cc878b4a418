"""Other programs' descriptions of data sets: nnU-Net v2, the Medical Segmentation Decathlon, MONAI's lists."""

from .datalist import export_datalist, import_datalist
from .decathlon import export_decathlon, import_decathlon
from .nnunet import export_nnunet, import_nnunet
from .written_cases import Export

IMPORTS = {"nnunet": import_nnunet, "msd": import_decathlon, "monai": import_datalist}
EXPORTS = {"nnunet": export_nnunet, "msd": export_decathlon, "monai": export_datalist}

__all__ = ["EXPORTS", "IMPORTS", "Export", "export_datalist", "export_decathlon", "export_nnunet", "import_datalist",
           "import_decathlon", "import_nnunet"]
