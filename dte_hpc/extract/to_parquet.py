"""How are the rows of an answer written as Parquet?

The only module that imports pyarrow (extra ``parquet``). One row group for each part of `Records`; units and
names stand in the columns' metadata.
"""

from pathlib import Path

from dte_hpc.base.errors import MissingDependency
from dte_hpc.extract.answer import Answer
from dte_hpc.extract.lattice import attributes_of, constants
from dte_hpc.extract.records import Records

try:
    import pyarrow
    import pyarrow.parquet
except ImportError as error:
    raise MissingDependency("pyarrow is not installed; expected pip install 'dte-hpc[parquet]'") from error


def write_parquet(answer: Answer, path: Path) -> None:
    """Write one row a point of each member, level and time: coordinates, then a column a parameter.

    Raises
    ------
    MissingDependency
        When pyarrow is not installed.
    """
    records = Records(answer)
    first = {
        name: pyarrow.array(column, from_pandas=True).type for name, column in records.part(0, 0).items()
    }
    known = {name: attributes_of(answer, int(rows[0])) for name, rows in records.variables.items()}
    fields = [pyarrow.field(name, kind, metadata=known.get(name)) for name, kind in first.items()]
    schema = pyarrow.schema(fields, metadata={**constants(answer), "feature": answer.kind})
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        for columns in records.parts():
            arrays = [pyarrow.array(column, from_pandas=True) for column in columns.values()]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
