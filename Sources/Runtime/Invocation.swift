// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import ConfigFile
internal import DataPlane
internal import Glibc
package import Primitives

/// What the command line asks for.
package struct Invocation: Hashable, Sendable {
    package enum DataPlaneKind: String, Hashable, Sendable, CaseIterable {
        case kernel
        /// Says yes to everything: for benchmarks and dry runs.
        case null
    }

    package var configuration: String
    package var dataPlane = DataPlaneKind.kernel
    /// Instead of what the configuration says.
    package var logFormat: LogFormat?
    package var logLevel: EventDescription.Severity?

    package init(configuration: String) {
        self.configuration = configuration
    }

    /// Reads the configuration and says what is wrong with it.
    ///
    /// - Returns: The exit code.
    package func check() -> Int32 {
        guard readSettings() != nil else { return 1 }
        print("\(configuration): no mistakes")
        return 0
    }

    /// Runs the daemon on this thread, which must be the process's first and only one.
    ///
    /// - Returns: The exit code.
    package func run() -> Int32 {
        guard let settings = readSettings() else { return 1 }
        let sink = EventSink(
            format: logFormat ?? LogFormat(rawValue: settings.log.format.rawValue) ?? .text,
            level: logLevel ?? settings.log.level
        )
        var early = sink
        do throws(any Error) {
            umask(0o077)
            _ = try valueOrError(cr_forbid_dumps(), "prctl")
            let signals = try Signals()
            var daemon = Daemon(settings)
            daemon.notificationSocket = ServiceNotification.takeSocketFromEnvironment()
            daemon.listen.takesESP = dataPlane == .kernel
            var problems = StartChecks.ports(daemon.listen)
            let fileLimit = try valueOrError(cr_raise_file_limit(1 << 20), "setrlimit")
            if dataPlane == .kernel,
                let problem = StartChecks.fileLimit(fileLimit, calls: daemon.controlPlane.callLimit)
            {
                problems.append(problem)
            }
            for problem in problems { early.report(problem.description, at: .current()) }
            guard problems.allSatisfy(\.isWarning) else { return 1 }
            try daemon.serve(plane: try makePlane(), signals: signals, sink: sink)
            return 0
        } catch {
            let problem = error as? StartProblem ?? StartProblem("culvertd ends: \(error)", remedy: nil)
            early.report(problem.description, at: .current())
            return 1
        }
    }

    private func makePlane() throws -> any DataPlane {
        switch dataPlane {
        case .kernel: throw StartProblem("there is no kernel data plane yet", remedy: nil)
        case .null: InterimDataPlane()
        }
    }

    /// The settings, after their mistakes and oddities were printed; `nil` if there are mistakes.
    private func readSettings() -> Settings? {
        let outcome = ConfigFile.read(configuration, load: SettingsFile.load)
        for diagnostic in outcome.diagnostics { complain(diagnostic) }
        return outcome.settings
    }

    private func complain(_ diagnostic: Diagnostic) {
        let line = Array("\(diagnostic)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }
}
