"""JUnit XML for Jenkins and most CI systems: a suite for each file, a case for each finding. Notes pass."""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from echo_migrate.model import Result
from echo_migrate.reports import RunReport, printable


def report(results: list[Result], run: RunReport) -> str:
    suites = Element("testsuites", name="echo-migrate")
    for result in results:
        if result.not_read:
            continue
        path = printable(result.source.path)
        failing = sum(finding.level != "note" for finding in result.findings)
        cases = str(max(1, len(result.findings)))
        suite = SubElement(suites, "testsuite", name=path, tests=cases, failures=str(failing), errors="0")
        for finding in result.findings:
            line, column = result.source.position(finding.start)
            case = SubElement(suite, "testcase", name=f"{finding.rule} {line}:{column}", classname=path)
            if finding.level == "note":
                SubElement(case, "system-out").text = printable(finding.message)
            else:
                says = f"{path}:{line}:{column}: {printable(finding.message)}"
                failure = SubElement(
                    case, "failure", type=finding.level or "warning", message=printable(finding.message)
                )
                failure.text = says
        if not result.findings:
            SubElement(suite, "testcase", name="echo-migrate", classname=path)
    indent(suites)
    return tostring(suites, encoding="unicode", xml_declaration=False) + "\n"
