"""What an export seems to hold, from names and values of its columns: a mapping to be checked."""

from trdstats.intake.propose.proposal import Proposal, Question
from trdstats.intake.propose.propose import propose_mapping
from trdstats.intake.propose.redcap_files import find_redcap_files

__all__ = ["Proposal", "Question", "find_redcap_files", "propose_mapping"]
