"""The settings of sources that read tables in text files: which files, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from dlkit.schema.source import SourceSettings
from dlkit.sources._csv_file import Dialect
from dlkit.sources._encodings import Encoding


def _separator(given: str) -> str:
    """One character; a tab may also be written as a word, or as in Python."""
    character = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}.get(given, given)
    if len(character) != 1 or not character.isascii() or character in "\r\n\"'":
        raise ValueError("it must be one character, such as `;`, or `tab`")
    return character


class TextFiles(SourceSettings):
    """A source that reads tables in text files."""

    fields_also_called: ClassVar[Mapping[str, str]] = {
        "path": "file, files, paths, filename, file_name, filepath, file_pattern, csv_path, data_path",
        "separator": "sep, delimiter, delim, field_delim",
        "decimal": "decimal_point, decimal_mark",
        "quote": "quotechar, quote_char",
        "missing": "na_values, na_value, null_values, missing_values",
    }

    path: Any
    separator: Annotated[str, AfterValidator(_separator)] | None = Field(
        None, description="The character between fields, or `tab`; null for what most rows agree on."
    )
    decimal: Literal[".", ","] | None = Field(None, description="The decimal mark; null for what the numbers have.")
    encoding: Encoding | None = Field(
        None, description="Such as `cp1252` or `gb18030`; null for UTF-8. What the first bytes of a file state holds."
    )
    quote: str = Field('"', max_length=1, description="The character around fields; empty where there is none.")
    missing: list[str | int | float] = Field(
        default_factory=list,
        description="Further words that stand for a missing field. In text only the empty field does, in numbers also "
        "NA, NaN, null and the like.",
    )

    @property
    def dialect(self) -> Dialect:
        """How the settings say that files are written."""
        return Dialect(self.encoding, self.separator, self.decimal, self.quote)

    def written(self) -> dict[str, Any]:
        """How files are written, for another source that reads them."""
        return {name: getattr(self, name) for name in ("separator", "decimal", "encoding", "quote", "missing")}
