// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import ConfigFile
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

    /// Who to be once everything is open: `NAME` or `NAME:GROUP`; `nil` stays who it is.
    package var user: String?

    package init(configuration: String) {
        self.configuration = configuration
    }

    /// Reads the configuration and says what is wrong with it.
    ///
    /// - Returns: The exit code.
    package func check() -> Int32 {
        let outcome = SettingsFile.read(configuration)
        print(outcome.report, terminator: "")
        return outcome.settings == nil ? 1 : 0
    }

    /// Runs the daemon on this thread, which must be the process's first and only one.
    ///
    /// - Returns: The exit code.
    package func run() -> Int32 {
        let service = ServiceChannel.takeFromEnvironment()
        guard let settings = readSettings() else {
            service.send(
                .failed("the configuration \(configuration) has mistakes: culvertd --check shows them", code: EINVAL)
            )
            return 1
        }
        let log = logSettings(settings)
        // To standard error, until what else there is to write to is open.
        var sink = EventSink(format: LogFormat(rawValue: log.format.rawValue) ?? .text, level: log.level)
        do throws(any Error) {
            umask(0o077)
            _ = try valueOrError(culvert_forbid_dumps(), "prctl")
            let signals = try Signals()
            let user = try user.map { name throws(StartProblem) in try ProcessUser(name) }
            try sink.apply(EventSink.Settings(log, gateway: settings.gatewayName), owner: user)
            var daemon = Daemon(settings)
            daemon.allowsImpairments = allowsImpairments
            daemon.reloader = Reloader(settings, file: configuration, log: logSettings)
            daemon.service = service
            let inherited = try InheritedSockets.takeFromEnvironment()
            daemon.listen.takesESP = dataPlane == .kernel
            let fileLimit = try valueOrError(culvert_raise_file_limit(1 << 20), "setrlimit")
            var problems = StartChecks.ports(daemon.listen, inherited: inherited.datagramLocals)
            if dataPlane == .kernel {
                problems += StartChecks.kernel()
                problems += [StartChecks.fileLimit(fileLimit, calls: daemon.controlPlane.callLimit)].compactMap(\.self)
            }
            for problem in problems { sink.report(problem.description, at: .current()) }
            if let grave = problems.first(where: { !$0.isWarning }) {
                service.send(.failed(grave.words, code: grave.code))
                return 1
            }
            let opened = try daemon.open(owner: user, inherited: inherited)
            try dropPrivileges(user: user, sink: &sink)
            let plane = try makePlane(
                gateways: Set(daemon.controlPlane.pools.map(\.gateway)),
                clampsSegments: settings.clampsSegments,
                sink: &sink
            )
            try daemon.serve(plane: plane, opened: opened, signals: signals, sink: sink)
            return 0
        } catch {
            let problem = error as? StartProblem ?? StartProblem("culvertd ends: \(error)", remedy: nil)
            sink.report(problem.description, at: .current())
            service.send(.failed(problem.words, code: (error as? SystemError)?.code ?? problem.code))
            return 1
        }
    }

    /// What the configuration says of the log, and the command line instead.
    package func logSettings(_ settings: Settings) -> LogSettings {
        var log = settings.log
        if let logFormat, let format = LogSettings.Format(rawValue: logFormat.rawValue) { log.format = format }
        if let logLevel { log.level = logLevel }
        return log
    }

    /// Before the first thread but this one is started: each has its own.
    private func dropPrivileges(user: ProcessUser?, sink: inout EventSink) throws(StartProblem) {
        do {
            try Privileges.drop(keepsNetwork: dataPlane == .kernel, user: user)
            _ = try valueOrError(culvert_forbid_dumps(), "prctl")
        } catch {
            throw StartProblem(
                user.map { "culvertd cannot become \($0.name): \(error)" }
                    ?? "culvertd cannot let go of its privileges: \(error)",
                remedy: user == nil ? nil : "start it as root, or leave --user out"
            )
        }
        if let user, dataPlane == .kernel, let problem = StartChecks.device(as: user) { throw problem }
        sink.report(
            EventDescription(
                .control,
                .info,
                "confined",
                "culvertd runs with \(dataPlane == .kernel ? "CAP_NET_ADMIN and no other capability" : "no capability")",
                fields: [.init("uid", geteuid()), .init("gid", getegid())]
            ),
            at: .current()
        )
    }

    /// - Parameter gateways: Our inner addresses.
    private func makePlane(
        gateways: Set<IPAddress>,
        clampsSegments: Bool,
        sink: inout EventSink
    ) throws -> any DataPlane {
        guard dataPlane == .kernel else { return NullDataPlane() }
        do throws(DataPlaneError) {
            let plane = try KernelDataPlane(clampsSegments: clampsSegments)
            if let refusal = plane.portShift.clampRefusal { sink.report(Self.describe(refusal), at: .current()) }
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

    private static func describe(_ clampRefusal: DataPlaneError) -> EventDescription {
        EventDescription(
            .kernel,
            .warning,
            "segments-not-clamped",
            "the kernel has no rules that limit TCP segments (\(clampRefusal)): calls work, but some pages may hang",
            remedy: "limit them elsewhere, and set ppp.clamp-mss: false",
            fields: [.init("step", clampRefusal.step), .init("errno", clampRefusal.code)]
        )
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
        let outcome = SettingsFile.read(configuration)
        for diagnostic in outcome.diagnostics { complain(diagnostic) }
        return outcome.settings
    }

    private func complain(_ diagnostic: Diagnostic) {
        let line = Array("\(diagnostic)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }
}
