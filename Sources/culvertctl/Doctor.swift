// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what is wrong with this machine as a gateway.",
        discussion: """
            Looks at the kernel, its settings, the packet filter, MTUs, the clock, network devices, other daemons, the \
            configuration and culvertd itself, and changes nothing. Some of it only root can see. Docs/Doctor.md explains \
            each finding.

            Exit codes: 0 nothing is known to fail; 1 something is; 2 wrong usage.
            """
    )

    @OptionGroup var options: CommonOptions

    @Option(help: "The configuration file.")
    var config = "/etc/culvert/culvert.yaml"

    @Flag(help: "What is right, too.")
    var all = false

    func run() throws {
        let facts = DoctorFacts.gather(configuration: config, client: options.client)
        let report = DoctorReport(Diagnosis.findings(in: facts))
        try options.print(report) { render($0, all: all) }
        guard report.failures == 0 else { throw ExitCode(1) }
    }
}

/// The gravest first; what is right only on request.
func render(_ report: DoctorReport, all: Bool, width: Int = 100) -> String {
    var text = ""
    for level in Finding.Level.allCases.reversed() where level != .ok || all {
        for finding in report.findings where finding.level == level {
            let first = level.rawValue.padded(to: 9) + (finding.id.rawValue + ":").padded(to: 19)
            text += wrapped(finding.found.visible, first: first, indent: 28, width: width)
            if let remedy = finding.remedy {
                text += wrapped(
                    remedy.visible,
                    first: String(repeating: " ", count: 28) + "=> ",
                    indent: 31,
                    width: width
                )
            }
        }
    }
    let right = report.findings.count - report.failures - report.warnings
    return text + "\(counted(report.failures, "failure")), \(counted(report.warnings, "warning")), \(right) right\n"
}

private func counted(_ count: Int, _ noun: String) -> String {
    "\(count == 0 ? "no" : "\(count)") \(noun)\(count == 1 ? "" : "s")"
}
