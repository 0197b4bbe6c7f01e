"""The loader of Reverb's compiled module, where Reverb is missing or another version."""

from __future__ import annotations

import pytest

from skill_train.replay import reverb_native
from skill_train.replay.reverb_native import ReverbUnavailable, native


@pytest.mark.parametrize(
    ("versions", "message"),
    [
        ({}, "needs dm-reverb==0.14.0 .* none is installed"),
        ({"dm-reverb": "0.15.0"}, "but 0.15.0 is installed"),
        ({"dm-reverb": "0.14.0"}, "TensorFlow 2.15.*, but none"),
        ({"dm-reverb": "0.14.0", "tensorflow": "2.16.1"}, "but 2.16.1 is installed"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(monkeypatch, versions, message) -> None:
    monkeypatch.setattr(reverb_native, "_version", versions.get)
    with pytest.raises(ReverbUnavailable, match=message):
        native.__wrapped__()
