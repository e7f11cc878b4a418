"""Networks: the mLSTM cell, the ViL block and the xLSTM-UNet in all its sizes."""

from .config import CONFIGS, NetworkConfig
from .ensemble import Ensemble, members_of
from .mlstm import mlstm_chunkwise, mlstm_parallel, mlstm_recurrent, soft_cap
from .unet import Encoder, XLSTMUNet, build_network, count_parameters
from .vil import ViLBlock, ViLPair

__all__ = [
    "CONFIGS",
    "Encoder",
    "Ensemble",
    "NetworkConfig",
    "ViLBlock",
    "ViLPair",
    "XLSTMUNet",
    "build_network",
    "count_parameters",
    "members_of",
    "mlstm_chunkwise",
    "mlstm_parallel",
    "mlstm_recurrent",
    "soft_cap",
]
