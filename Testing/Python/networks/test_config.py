"""Named sizes, the configuration's dictionary form, and what it refuses."""

import json

import pytest
import torch

from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.networks import CONFIGS, NetworkConfig, XLSTMUNet, build_network, count_parameters

# Counted once from these configurations; a change of any layer shows here. Second: without ViL blocks.
PARAMETERS = {
    "nano": (1_464_664, 1_215_320),
    "tiny": (6_479_960, 5_388_600),
    "base": (28_559_656, 26_149_240),
    "paper": (49_413_992, 45_917_240),
    "large": (469_110_920, 440_077_400),
    "huge": (1_586_541_528, 1_456_973_688),
}


def parameters_of(config):
    with torch.device("meta"):
        return count_parameters(XLSTMUNet(config))


@pytest.mark.parametrize("name", CONFIGS)
def test_each_size_has_its_number_of_parameters_with_and_without_vil_blocks(name):
    assert (parameters_of(CONFIGS[name]), parameters_of(CONFIGS[name].without_vil())) == PARAMETERS[name]


def test_the_two_shipped_sizes_fit_into_17_megabytes_at_half_precision():
    assert parameters_of(CONFIGS["nano"]) <= 1_500_000
    assert 2 * (parameters_of(CONFIGS["nano"]) + parameters_of(CONFIGS["tiny"])) <= 16_500_000


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_survives_json(name):
    config = CONFIGS[name]
    assert NetworkConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_defaults_may_be_left_out_of_a_dictionary():
    values = {"features": [8, 16], "blocks": [1, 1], "vil_pairs": [0, 1], "stem_stride": 1}
    config = NetworkConfig.from_dict(values)
    assert (config.classes, config.cell, config.gate, config.gate_softcap) == (8, "chunkwise", "exponential", 15.0)


def test_a_sequence_of_strides_follows_from_the_stages():
    assert CONFIGS["tiny"].total_stride == 16
    assert CONFIGS["tiny"].smallest_input == 32
    assert CONFIGS["paper"].total_stride == 32


def test_overrides_change_a_named_size():
    network = build_network("nano", classes=2, vil_pairs=(0, 0, 0, 1))
    assert network.config.classes == 2
    assert network.config.features == CONFIGS["nano"].features
    assert len(network.encoder.stages[2].vil) == 0
    assert len(network.encoder.stages[3].vil) == 1


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ModelError, match="gigantic") as error:
        build_network("gigantic")
    assert "tiny" in error.value.remedy


def test_unknown_entries_are_refused_by_name():
    with pytest.raises(ModelError, match="depth"):
        NetworkConfig.from_dict({**CONFIGS["tiny"].to_dict(), "depth": 3})
    with pytest.raises(ModelError, match="depth"):
        build_network("tiny", depth=3)


def test_missing_or_unreadable_entries_are_refused():
    values = CONFIGS["tiny"].to_dict()
    with pytest.raises(ModelError, match="features"):
        NetworkConfig.from_dict({k: v for k, v in values.items() if k != "features"})
    with pytest.raises(ModelError, match="cannot be read"):
        NetworkConfig.from_dict({**values, "blocks": ["one", 1, 1, 1]})
    with pytest.raises(ModelError, match="cannot be read"):
        NetworkConfig.from_dict({**values, "features": None})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"features": (8,), "blocks": (1,), "vil_pairs": (0,)}, "two stages"),
        ({"blocks": (1, 1, 1)}, "one entry of blocks"),
        ({"vil_pairs": (0, 0, 1)}, "vil_pairs for each"),
        ({"decoder_blocks": (1, 1)}, "decoder_blocks fewer"),
        ({"decoder_blocks": ()}, "decoder_blocks fewer"),
        ({"blocks": (1, 0, 1, 1)}, "positive features, blocks"),
        ({"vil_pairs": (0, 0, 0, -1)}, "zero or more"),
        ({"stem_stride": 4}, "stem_stride of 1 or 2"),
        ({"heads": 0}, "positive in_channels"),
        ({"chunk": 0}, "positive in_channels"),
        ({"cell": "quantum"}, "chunkwise"),
        ({"gate": "softmax"}, "sigmoid"),
        ({"gate_softcap": -1.0}, "gate_softcap"),
        ({"features": (16, 32, 64, 100)}, "100 channels"),
    ],
)
def test_impossible_configurations_are_refused_in_words(change, sentence):
    with pytest.raises(ModelError, match=sentence):
        NetworkConfig.from_dict({**CONFIGS["tiny"].to_dict(), **change})
