"""Checked factors into columns of a design: an interpreter of their trees, and formulaic's coding.

formulaic codes categories, multiplies factors into terms and keeps what transforms estimated
from the rows. The values of factors are computed here: no text is handed to Python.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from formulaic import ModelMatrix, ModelSpec
from formulaic.errors import FormulaicError
from formulaic.formula import SimpleFormula
from formulaic.materializers import PandasMaterializer
from formulaic.parser.types import Factor
from formulaic.transforms import TRANSFORMS
from formulaic.transforms.contrasts import TreatmentContrasts
from formulaic.utils.sentinels import UNSET
from formulaic.utils.variables import Variable

from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError, SpecError, TrdstatsError, unknown_name
from trdstats.formulas.expressions import Expression, column_of, dotted, read_expression
from trdstats.formulas.language import (
    BESIDE_INTERCEPT,
    CATEGORY,
    CONTRASTS,
    IDENTITY,
    LEARNING,
    by_value,
    plain_spelling,
)
from trdstats.formulas.main_effects import main_effects, variable_of
from trdstats.kinds import as_category, is_plain_number, kind_of, label_of

_NAME = "trdstats"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class CheckedFactor(Factor):  # type: ignore[misc]
    """A factor of a formula that was checked, and that knows its columns without Python."""

    @property
    def required_variables(self) -> set[Variable]:
        """Columns of the factor."""
        if self.eval_method is Factor.EvalMethod.PYTHON:
            expression = read_expression(self.expr)
            return {
                Variable(name, roles=["value"])
                for name in expression.numbers | expression.categories
            }
        if self.eval_method is Factor.EvalMethod.LOOKUP:
            return {Variable(self.expr, roles=["value"])}
        return set()


@dataclass(frozen=True)
class DesignSpec(ModelSpec):  # type: ignore[misc]
    """How a table becomes a design: formulaic's record, with our values of factors."""

    @property
    def required_variables(self) -> set[Variable]:
        """Columns of the formula; names with dots are whole."""
        return set(self.formula.required_variables)

    def references(self) -> dict[str, Any]:
        """Return the level that the others are compared with, by factor coded so."""
        rows = self.structure or []
        scoped = [f for row in rows for term in row.scoped_terms for f in term.factors]
        levels = {}
        for name in dict.fromkeys(f.factor.expr for f in scoped if f.reduced):
            coding = self.encoder_state[name][1].get("contrasts")
            if coding is not None and type(coding.contrasts) is TreatmentContrasts:
                base = coding.contrasts.base
                levels[name] = coding.levels[0] if base is UNSET else base
        return levels

    def levels(self) -> dict[str, list[Any]]:
        """Return the levels of every factor that was coded, in their order."""
        codings = {name: state[1].get("contrasts") for name, state in self.encoder_state.items()}
        return {name: list(c.levels) for name, c in codings.items() if c is not None}

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return the references as lines of the header of a summary; empty without references."""
        named = [f"{name} = {label_of(level)}" for name, level in self.references().items()]
        return (("Reference", ", ".join(named)),) if named else ()

    def rows(self, table: pd.DataFrame) -> FloatArray:
        """Return the design of the rows of a table as numbers, NaN where they are not known.

        Raises
        ------
        SpecError, NotEstimableError
            When the values of a factor cannot be computed.
        """
        matrix = self.get_model_matrix(table, output="numpy", na_action="ignore")
        return np.asarray(matrix, dtype=float, order="C")

    def get_model_matrix(
        self,
        data: pd.DataFrame,
        context: Mapping[str, object] | None = None,
        drop_rows: set[int] | None = None,
        **attr_overrides: Any,
    ) -> Any:
        """Return the design of the rows of a table.

        Raises
        ------
        SpecError, NotEstimableError
            When the values of a factor cannot be computed.
        """
        spec = self.update(**{**attr_overrides, "materializer": _NAME})
        plain = None
        if spec.output == "numpy" and not drop_rows and not (spec.structure or spec.encoder_state):
            plain = main_effects(spec.formula, data)
        if plain is not None:
            known = spec.update(
                materializer_params={},
                structure=plain.structure,
                encoder_state=plain.encoder_state,
            )
            return ModelMatrix(plain.X, spec=known)
        try:
            return spec.get_materializer(data).get_model_matrix(spec, drop_rows=drop_rows)
        except TrdstatsError:
            raise
        except (FormulaicError, ValueError, TypeError, KeyError, IndexError) as error:
            raise _plain_error(error) from error


class CheckedFormula(SimpleFormula):  # type: ignore[misc]
    """Terms of a formula whose factors were checked."""

    def get_model_matrix(
        self,
        data: pd.DataFrame,
        context: Mapping[str, object] | None = None,
        drop_rows: set[int] | None = None,
        **spec_overrides: Any,
    ) -> Any:
        """Return the design of the rows of a table; see `DesignSpec`."""
        return DesignSpec(formula=self).get_model_matrix(
            data, drop_rows=drop_rows, **spec_overrides
        )

    def design(
        self, table: pd.DataFrame, unknown: Literal["ignore", "raise"] = "ignore"
    ) -> tuple[FloatArray, DesignSpec]:
        """Return the design of the rows of a table, and how it is made.

        Parameters
        ----------
        table : pandas.DataFrame
        unknown : {"ignore", "raise"}
            Whether values that are not known are NaN, or refused.

        Raises
        ------
        SpecError, NotEstimableError
            When the values of a factor cannot be computed.
        """
        matrix = self.get_model_matrix(table, output="numpy", na_action=unknown)
        # In memory a column stands together, for most of what follows goes by column.
        return np.asarray(matrix, dtype=float, order="F"), matrix.model_spec

    @property
    def required_variables(self) -> set[Variable]:
        """Columns of the formula; those that are called like a function are columns too."""
        return {v for term in self for factor in term.factors for v in factor.required_variables}

    def columns(self) -> Uses:
        """Return the columns of the formula by use."""
        bare: set[str] = set()
        numbers: set[str] = set()
        categories: set[str] = set()
        for factor in (f for term in self for f in term.factors):
            if factor.eval_method is Factor.EvalMethod.LOOKUP:
                bare.add(factor.expr)
            elif factor.eval_method is Factor.EvalMethod.PYTHON:
                expression = read_expression(factor.expr)
                numbers |= expression.numbers
                categories |= expression.categories
        return Uses(frozenset(bare), frozenset(numbers), frozenset(categories))

    def learns(self) -> bool:
        """Whether a function of the formula learns from all rows, such as a spline its knots."""
        trees = [
            read_expression(factor.expr).tree
            for term in self
            for factor in term.factors
            if factor.eval_method is Factor.EvalMethod.PYTHON
        ]
        called = (
            node.func for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)
        )
        return any(dotted(function) in LEARNING for function in called)


@dataclass(frozen=True)
class Uses:
    """Columns of formulas by how the formulas use them.

    Attributes
    ----------
    bare : frozenset of str
        As they are: the values decide.
    numbers : frozenset of str
        In functions and arithmetic.
    categories : frozenset of str
        Within ``C(...)``.
    """

    bare: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()

    def __or__(self, other: Uses) -> Uses:
        return Uses(
            self.bare | other.bare,
            self.numbers | other.numbers,
            self.categories | other.categories,
        )


class _Interpreted:
    """Values of factors, for a materializer of formulaic."""

    data: pd.DataFrame

    def _lookup(self, name: str) -> tuple[Any, set[Variable]]:
        values = _column(self.data, name)
        # Numbers as an array: every step that formulaic takes with a column is dearer.
        held = values.to_numpy() if is_plain_number(values.dtype) else values
        return held, {variable_of(name)}

    def _evaluate(self, expr: str, metadata: Any, spec: Any) -> tuple[Any, set[Variable]]:
        expression = read_expression(expr)
        values = _Interpreter(self.data, expression, spec.transform_state).factor()
        return values, {variable_of(name) for name in expression.numbers | expression.categories}

    def _check_for_nulls(self, name: str, values: Any, *rest: Any) -> None:
        # Formulaic would list the rows without a value: most often there is none.
        held = getattr(values, "__wrapped__", values)
        is_number = isinstance(held, np.ndarray) and held.ndim == 1 and is_plain_number(held.dtype)
        if not is_number or np.isnan(held).any():
            super()._check_for_nulls(name, values, *rest)  # type: ignore[misc]


class _InOneArray:
    """Designs that are arrays, into which each column is copied once."""

    def _get_columns_for_term(
        self, factors: list[dict[str, Any]], spec: Any, scale: float = 1
    ) -> dict[str, Any]:
        alone = len(factors) == 1 and len(factors[0]) == 1 and scale == 1
        if alone and spec.output == "numpy":
            return dict(factors[0])  # copied once, into the array
        return dict(super()._get_columns_for_term(factors, spec, scale))  # type: ignore[misc]

    def _combine_columns(
        self, cols: Sequence[tuple[str, Any]], spec: Any, drop_rows: Sequence[int]
    ) -> Any:
        if spec.output != "numpy" or not cols:
            return super()._combine_columns(cols, spec, drop_rows)  # type: ignore[misc]
        # In memory a column stands together, for most of what follows goes by column.
        X = np.empty((len(cols), len(cols[0][1])))
        for row, (_, values) in zip(X, cols, strict=True):
            row[:] = values
        return X.T


class CheckedMaterializer(_Interpreted, _InOneArray, PandasMaterializer):  # type: ignore[misc]
    """Designs of pandas frames whose factors are interpreted, never run."""

    REGISTER_NAME = _NAME
    REGISTER_INPUTS = ()
    REGISTER_PRECEDENCE = 0  # used only where it is asked for by name


class _Interpreter:
    """Values of one factor of a table."""

    def __init__(
        self, table: pd.DataFrame, expression: Expression, state: MutableMapping[str, Any]
    ) -> None:
        self.table, self.expression, self.state = table, expression, state

    def factor(self) -> Any:
        tree = self.expression.tree
        if isinstance(tree, ast.Call) and dotted(tree.func) == CATEGORY:
            return self._category(tree)
        values = self._number(tree)
        if isinstance(values, float):
            return np.full(len(self.table), values)
        return values

    def _category(self, call: ast.Call) -> Any:
        column = column_of(call.args[0], self.expression.names)
        if column is not None:
            values = _column(self.table, column)
        else:
            values = pd.Series(self._number(call.args[0]), index=self.table.index)
        named = {k.arg: k.value for k in call.keywords}
        levels = _constant(named["levels"]) if "levels" in named else None
        category = self._levels(values, levels)
        coding = call.args[1] if len(call.args) > 1 else named.get("contrasts")
        return TRANSFORMS["C"](category, None if coding is None else self._contrasts(coding))

    def _levels(self, values: pd.Series[Any], levels: Any) -> pd.Series[Any]:
        """Return a column as categories; a value that is none of them is refused."""
        known = self.state.get(self.expression.text)
        if isinstance(values.dtype, pd.CategoricalDtype) and levels is None:
            return values
        if known is None and levels is None:
            category = as_category(values)
            self.state[self.expression.text] = {"levels": category.categories}
        else:
            category = pd.Categorical(
                values, categories=levels if known is None else known["levels"]
            )
        unknown = pd.unique(values[np.asarray(category.codes) < 0].dropna())
        if len(unknown):
            raise unknown_name(f"level of {self.expression.text}:", unknown[0], category.categories)
        return pd.Series(category, index=values.index)

    def _contrasts(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Call):
            keywords = {str(k.arg): _constant(k.value) for k in node.keywords}
            return CONTRASTS[str(dotted(node.func))](*map(_constant, node.args), **keywords)
        name = dotted(node)
        return CONTRASTS[name]() if name is not None else _constant(node)

    def _number(self, node: ast.expr) -> Any:
        column = column_of(node, self.expression.names)
        if column is not None:
            return _numbers(_column(self.table, column), column, self.expression.text)
        if isinstance(node, ast.Constant):
            return float(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.UnaryOp):
            value = self._number(node.operand)
            return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.BinOp):
            return self._finite(node, *map(self._number, (node.left, node.right)))
        assert isinstance(node, ast.Call)
        name = plain_spelling(str(dotted(node.func)))
        if name in LEARNING:
            keywords = {str(k.arg): _constant(k.value) for k in node.keywords}
            if name in BESIDE_INTERCEPT:
                keywords.setdefault("constraints", "center")
            state = self.state.setdefault(ast.unparse(node), {})
            first = self._number(node.args[0])
            return LEARNING[name](first, *map(_constant, node.args[1:]), _state=state, **keywords)
        return self._finite(node, *map(self._number, node.args))

    def _finite(self, node: ast.BinOp | ast.Call, *values: Any) -> Any:
        """Compute an operation; refuse it where it is undefined for values that are not missing."""
        with np.errstate(all="ignore"):
            if isinstance(node, ast.BinOp):
                result = _OPERATIONS[type(node.op)](*values)
            else:
                result = self._call(node, values)
        wrong = ~np.isfinite(result)
        for value in values:
            wrong = wrong & np.isfinite(value)
        if np.any(wrong):
            arrays = [v for v in values if isinstance(v, np.ndarray)] or [np.zeros(1)]
            cases = np.broadcast_to(wrong, arrays[0].shape)
            shown = ", ".join(f"{v:g}" for v in pd.unique(arrays[0][cases])[:3])
            raise SpecError(
                f"{self.expression.text} has no value in {int(cases.sum()):,} rows, where its "
                f"argument is {shown}. Leave these rows out, or transform the column first, such "
                "as log1p(dose) for doses of 0."
            )
        return result

    def _call(self, node: ast.Call, values: tuple[Any, ...]) -> Any:
        name = plain_spelling(str(dotted(node.func)))
        if name == IDENTITY:
            return values[0]
        function = by_value(name)
        if function is None:
            raise SpecError(
                f"Formulas know no function {name!r} here: call trdstats.formulas.allow first."
            )
        keywords = {str(k.arg): _constant(k.value) for k in node.keywords}
        result = np.asarray(function(*values, **keywords), dtype=float)
        if result.shape not in ((), (len(self.table),)):
            raise SpecError(f"{name}() must give one number a row; it gave shape {result.shape}.")
        return result if result.shape else float(result)


_OPERATIONS: dict[type[ast.operator], Any] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: np.divide(a, b),
    ast.Pow: lambda a, b: np.power(a, b),
}


def _column(table: pd.DataFrame, name: str) -> pd.Series[Any]:
    if name not in table.columns:
        raise unknown_name("column of the formula", name, table.columns)
    return table[name]


def _numbers(values: pd.Series[Any], name: str, text: str) -> FloatArray:
    """Return a column as numbers, levels that are numbers too."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        levels = pd.Series(values.cat.categories)
        if kind_of(levels) in ("number", "boolean"):
            known = np.append(levels.to_numpy(dtype=float), np.nan)
            return known[values.cat.codes.to_numpy()]
    elif kind_of(values) in ("number", "boolean"):
        return values.to_numpy(dtype=float)
    raise SpecError(f"{name!r} does not hold numbers, and {text} needs numbers.")


def _constant(node: ast.expr) -> Any:
    value = ast.literal_eval(node)
    return value if not isinstance(value, float) or math.isfinite(value) else np.nan


def _plain_error(error: BaseException) -> TrdstatsError:
    """Return a trdstats error for one of formulaic or of a transform, without colour codes."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TrdstatsError):
            return cause
        cause = cause.__cause__
    text = _COLOUR.sub("", str(error)).strip().rstrip(".")
    if "null values after evaluation" in text:
        return NotEstimableError(f"The formula gives missing values: {text}.")
    return SpecError(f"The formula does not fit the table: {text}.")
