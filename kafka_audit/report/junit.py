"""What do Jenkins and its kind read: alarms as failed tests, in JUnit's XML."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from xml.etree import ElementTree

from kafka_audit.model import Finding, Problem, Report
from kafka_audit.report import Telling
from kafka_audit.report.plain import for_services, inert_record


def told(telling: Telling) -> str:
    """Return a suite for each file with alarms, each alarm a failure in it, and a suite of errors for the problems.

    A run without either has one passed test, because readers take a report without tests for a broken one.
    """
    safe = inert_record(for_services(telling.report))
    by_path: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in safe.findings:
        by_path[finding.path].append(finding)
    hidden = safe.problems if not safe.summary.complete else ()
    root = ElementTree.Element(
        "testsuites", name=safe.tool.name, failures=str(len(safe.findings)), errors=str(len(hidden))
    )
    for path, findings in by_path.items():
        _suite(root, path, findings)
    if hidden:
        _errors(root, hidden)
    if not len(root):
        _passed(root, safe)
    root.set("tests", str(len(root.findall("*/testcase"))))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _suite(root: ElementTree.Element, path: str, findings: Iterable[Finding]) -> None:
    suite = ElementTree.SubElement(root, "testsuite", name=path)
    for finding in findings:
        name = f"{finding.code} {finding.name} at line {finding.line}, column {finding.column}"
        case = _case(suite, name, path, finding.line)
        failure = ElementTree.SubElement(case, "failure", type=finding.severity, message=finding.message)
        steps = [f"{number}. {step.path}:{step.line}: {step.message}" for number, step in enumerate(finding.trace, 1)]
        failure.text = "\n".join((f"{path}:{finding.line}:{finding.column}: {finding.message}", *steps))
    count = str(len(suite))
    suite.attrib.update(tests=count, failures=count, errors="0")


def _errors(root: ElementTree.Element, problems: Iterable[Problem]) -> None:
    suite = ElementTree.SubElement(root, "testsuite", name="not judged")
    for problem in problems:
        case = _case(suite, f"{problem.kind} at line {problem.line}", problem.path, problem.line)
        ElementTree.SubElement(case, "error", type=problem.kind, message=problem.message)
    count = str(len(suite))
    suite.attrib.update(tests=count, failures="0", errors=count)


def _passed(root: ElementTree.Element, report: Report) -> None:
    suite = ElementTree.SubElement(root, "testsuite", name=report.tool.name, tests="1", failures="0", errors="0")
    ElementTree.SubElement(suite, "testcase", name="no alarms", classname=report.tool.name)


def _case(suite: ElementTree.Element, name: str, path: str, line: int) -> ElementTree.Element:
    dotted = path.removesuffix(".py").replace("/", ".")
    return ElementTree.SubElement(suite, "testcase", name=name, classname=dotted, file=path, line=str(line))
