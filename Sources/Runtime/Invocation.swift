// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import ConfigFile
internal import DataPlane
internal import Glibc
internal import Kernel
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

    /// See ``Daemon/allowsImpairments``.
    package var allowsImpairments = false

    package init(configuration: String) {
        self.configuration = configuration
    }

    /// Reads the configuration and says what is wrong with it.
    ///
    /// - Returns: The exit code.
    package func check() -> Int32 {
        let outcome = ConfigFile.read(configuration, load: SettingsFile.load)
        print(outcome.report, terminator: "")
        return outcome.settings == nil ? 1 : 0
    }

    /// Runs the daemon on this thread, which must be the process's first and only one.
    ///
    /// - Returns: The exit code.
    package func run() -> Int32 {
        guard let settings = readSettings() else { return 1 }
        var sink = EventSink(
            format: logFormat ?? LogFormat(rawValue: settings.log.format.rawValue) ?? .text,
            level: logLevel ?? settings.log.level
        )
        do throws(any Error) {
            umask(0o077)
            _ = try valueOrError(culvert_forbid_dumps(), "prctl")
            let signals = try Signals()
            var daemon = Daemon(settings)
            daemon.allowsImpairments = allowsImpairments
            daemon.notificationSocket = ServiceNotification.takeSocketFromEnvironment()
            daemon.listen.takesESP = dataPlane == .kernel
            let fileLimit = try valueOrError(culvert_raise_file_limit(1 << 20), "setrlimit")
            var problems = StartChecks.ports(daemon.listen)
            if dataPlane == .kernel {
                problems += StartChecks.kernel()
                problems += [StartChecks.fileLimit(fileLimit, calls: daemon.controlPlane.callLimit)].compactMap(\.self)
            }
            for problem in problems { sink.report(problem.description, at: .current()) }
            guard problems.allSatisfy(\.isWarning) else { return 1 }
            let plane = try makePlane(gateways: Set(daemon.controlPlane.pools.map(\.gateway)), sink: &sink)
            try daemon.serve(plane: plane, signals: signals, sink: sink)
            return 0
        } catch {
            let problem = error as? StartProblem ?? StartProblem("culvertd ends: \(error)", remedy: nil)
            sink.report(problem.description, at: .current())
            return 1
        }
    }

    /// - Parameter gateways: Our inner addresses.
    private func makePlane(gateways: Set<IPAddress>, sink: inout EventSink) throws -> any DataPlane {
        guard dataPlane == .kernel else { return NullDataPlane() }
        do throws(DataPlaneError) {
            let plane = try KernelDataPlane()
            if let event = Self.describe(plane.leftovers) { sink.report(event, at: .current()) }
            do throws(DataPlaneError) {
                for gateway in gateways { try plane.addGatewayAddress(gateway) }
            } catch {
                plane.shutDown()
                throw error
            }
            return plane
        } catch {
            throw StartProblem(error)
        }
    }

    private static func describe(_ leftovers: Leftovers) -> EventDescription? {
        guard !leftovers.devices.isEmpty || leftovers.associations > 0 else { return nil }
        return EventDescription(
            .kernel,
            .notice,
            "leftovers-removed",
            "a culvertd that was killed had left \(leftovers.devices.count) devices and "
                + "\(leftovers.associations) security associations; they are gone",
            fields: [.init("devices", leftovers.devices.count), .init("associations", leftovers.associations)]
        )
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
