# What `bayesdeep/__init__.py` imports when it is asked for, for type checkers and editors; a test holds the two alike.
from bayesdeep import plot as plot
from bayesdeep import priors as priors
from bayesdeep import sklearn as sklearn
from bayesdeep.comparison import compare as compare
from bayesdeep.core.errors import BayesdeepError as BayesdeepError
from bayesdeep.core.errors import CardError as CardError
from bayesdeep.core.errors import DataError as DataError
from bayesdeep.core.errors import FitError as FitError
from bayesdeep.core.errors import FormulaError as FormulaError
from bayesdeep.core.errors import PriorError as PriorError
from bayesdeep.core.registry import register as register
from bayesdeep.datasets import list_datasets as list_datasets
from bayesdeep.datasets import load_dataset as load_dataset
from bayesdeep.explanation import explain as explain
from bayesdeep.families.mixture import mixture as mixture
from bayesdeep.fit import Fit as Fit
from bayesdeep.imputed_fit import ImputedFit as ImputedFit
from bayesdeep.imputed_model import ImputedModel as ImputedModel
from bayesdeep.joint_fit import JointFit as JointFit
from bayesdeep.joint_model import JointModel as JointModel
from bayesdeep.loading import load as load
from bayesdeep.methods_list import methods as methods
from bayesdeep.model import Model as Model
from bayesdeep.model import known as known
from bayesdeep.report import report as report

__all__: list[str]
__version__: str
