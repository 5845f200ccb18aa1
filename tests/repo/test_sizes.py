"""Small files with one subject; functions with one thought."""

import ast

from places import ROOT

FILE_LINES = 400
FUNCTION_LINES = 60
SOURCES = sorted((ROOT / "src/pillarbox").rglob("*.py"))


def test_no_source_file_is_longer_than_400_lines():
    assert [f"{p.relative_to(ROOT)}: {n}" for p in SOURCES if (n := p.read_text().count("\n")) > FILE_LINES] == []


def test_no_function_is_longer_than_60_lines():
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines}")
    assert found == []


def test_every_module_says_what_it_owns():
    assert [str(p.relative_to(ROOT)) for p in SOURCES if not ast.get_docstring(ast.parse(p.read_text()))] == []


def test_every_public_function_and_class_has_a_docstring():
    found = []
    for path in SOURCES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                if not node.name.startswith("_") and not ast.get_docstring(node):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert found == []


def test_nothing_is_named_a_drawer():
    drawers = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "data", "info"}
    assert [str(p.relative_to(ROOT)) for p in SOURCES if p.stem in drawers or p.parent.name in drawers] == []


def test_no_unfinished_work_is_written_down():
    words = ("TODO", "FIXME", "XXX", "NotImplementedError")
    assert [f"{p.relative_to(ROOT)}: {w}" for p in SOURCES for w in words if w in p.read_text()] == []
