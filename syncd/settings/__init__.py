"""The environment, read once into one frozen value. Nothing else reads the environment.

Every problem is reported, in a line that names the setting and the remedy and holds no secret.
A command requires only the settings that it uses (`Need`).

environment  what can be set: names, types, defaults, meanings
checks       which values contradict each other, and which settings a command needs
load         the settings of one environment, from NAME and NAME_FILE
display      the settings as people may see them
"""

from syncd.settings.checks import Need
from syncd.settings.display import masked_url, shown
from syncd.settings.environment import URLS, reference
from syncd.settings.load import Settings, adapter_options, load_settings

__all__ = [
    "URLS",
    "Need",
    "Settings",
    "adapter_options",
    "load_settings",
    "masked_url",
    "reference",
    "shown",
]
