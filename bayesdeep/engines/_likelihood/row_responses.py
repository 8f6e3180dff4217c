from typing import Any
def row_estimate(target: Any, nodes: int, progress: Any) -> Any:
    raise NotImplementedError
