// SPDX-License-Identifier: Apache-2.0
internal import ConfigFile
internal import ControlPlane
internal import Primitives

/// Another configuration for a shard that serves: read elsewhere, applied here between two turns, whole or not at all.
extension Shard {
    mutating func reloadOnSignal() {
        if reloader?.isReading == true, ending == nil {
            reloader?.wantAgain()
            return
        }
        reload(ReloadOrder(isDryRun: false), by: nil) { _ in }
    }

    mutating func reload(
        _ order: ReloadOrder,
        by requester: Requester?,
        _ reply: @escaping @Sendable (ControlReply) -> Void
    ) {
        let refusal: ControlRefusal
        switch (reloader, ending) {
        case (nil, _): refusal = .noReload
        case (_, .some): refusal = .noReloadAtEnd
        case (let reloader?, nil) where reloader.isReading: refusal = .reloadUnderWay
        case (.some, nil):
            serviceManagerHears(reloading: true, order)
            if reloader?.begin(order, by: requester, for: mailbox, reply) == true { return }
            serviceManagerHears(reloading: false, order)
            refusal = .busy
        }
        if !order.isDryRun { reportRefusal(refusal.message, refusal.remedy, mistakes: 0, by: requester) }
        reply(.refused(refusal))
    }

    /// The one place where a service manager is to be told that a reload begins and ends; a dry run is none.
    private mutating func serviceManagerHears(reloading: Bool, _ order: ReloadOrder) {
        guard !order.isDryRun else { return }
        if reloading { service.beginReload(at: now) } else { service.endReload(at: now) }
    }

    mutating func take(_ read: ConfigurationRead) {
        let isWantedAgain = reloader?.finish() == true
        var report = judge(read)
        if report.outcome == .planned, !read.order.isDryRun, let plan = read.plan {
            do throws(StartProblem) {
                try apply(plan)
                report.outcome = .applied
            } catch {
                report.refuse("\(error.message); nothing was changed", remedy: error.remedy)
            }
        } else if report.outcome == .unchanged, !read.order.isDryRun, let plan = read.plan {
            // What the kernel refused the last time is asked for again.
            handle(.command(.reconfigure(plan.settings.controlPlane)))
        }
        if !read.order.isDryRun { tell(report, by: read.requester) }
        serviceManagerHears(reloading: false, read.order)
        read.reply(.reload(report))
        if isWantedAgain, ending == nil { reloadOnSignal() }
    }

    private func judge(_ read: ConfigurationRead) -> ReloadReport {
        var report = ReloadReport(.planned)
        report.findings = read.outcome.diagnostics.map { ReloadReport.Finding($0) }
        guard ending == nil else {
            report.refuse(ControlRefusal.noReloadAtEnd.message)
            return report
        }
        guard let plan = read.plan else {
            let mistakes = report.findings.count { $0.severity == Diagnostic.Severity.error.rawValue }
            report.refuse(
                "\(read.outcome.path) is not usable, \(mistakes) mistake\(mistakes == 1 ? "" : "s"); nothing was changed",
                remedy: "mend what is named, and reload again"
            )
            return report
        }
        let contradictions = plan.contradictions
        guard contradictions.isEmpty else {
            report.refuse(
                "\(contradictions.joined(separator: "; ")); nothing was changed",
                remedy: "take other addresses, or restart culvertd: gateway.listen changes only then"
            )
            return report
        }
        let configuration = plan.settings.controlPlane
        let obstacles = machine.obstacles(to: configuration)
        guard obstacles.isEmpty else {
            report.refuse(
                "\(obstacles.joined(separator: "; ")); nothing was changed",
                remedy: "take another gateway address, or end the call first: culvertctl terminate --address ADDRESS"
            )
            return report
        }
        let census = machine.census
        let occupants = machine.occupants(under: configuration)
        report.changes = plan.changes.map { change in
            ReloadReport.Change(change, census, occupant: change.address.flatMap { occupants[$0] })
        }
        report.ending = machine.departures(under: configuration).map { ReloadReport.Ending($0) }
        if plan.isEmpty { report.outcome = .unchanged }
        return report
    }

    /// - Throws: If the log cannot be opened that the settings name; then everything is as before.
    private mutating func apply(_ plan: ReloadPlan) throws(StartProblem) {
        if let reloader {
            let settings = EventSink.Settings(reloader.log(plan.settings), gateway: plan.settings.gatewayName)
            try interpreter.sink.apply(settings, at: now)
        }
        handle(.command(.reconfigure(plan.settings.controlPlane)))
        reloader?.settings = plan.settings
        identity.name = plan.settings.gatewayName
    }

    private mutating func tell(_ report: ReloadReport, by requester: Requester?) {
        if let error = report.error {
            let mistakes = report.findings.filter { $0.severity == Diagnostic.Severity.error.rawValue }
            let first = mistakes.prefix(3).map { "\($0.file):\($0.line):\($0.column): \($0.message)" }
            reportRefusal(
                ([error.message] + first).joined(separator: "; "),
                mistakes.first?.remedy ?? error.remedy,
                mistakes: mistakes.count,
                by: requester
            )
            return
        }
        let counts = ReloadPlan.Kind.allCases.map { ($0.rawValue, report.count(of: $0.rawValue)) }
        let restart = report.changes.count { $0.takesEffect == ReloadPlan.Time.restart.rawValue }
        let words =
            report.outcome == .unchanged
            ? "the configuration was read again and says what it said"
            : "the configuration was read again: \(counts.map { "\($1) \($0)" }.joined(separator: ", "))"
                + (report.ending.isEmpty ? ", no call ends" : ", calls that end: \(report.ending.count)")
                + (restart == 0 ? "" : "; \(restart) of it only after a restart")
        var fields = counts.map { EventDescription.Field($0, $1) }
        fields += [.init("ending", report.ending.count), .init("restart", restart)]
        self.report(
            EventDescription(.control, .notice, "reloaded", words, fields: fields + .fields(of: requester))
        )
    }

    private mutating func reportRefusal(
        _ message: String,
        _ remedy: String?,
        mistakes: Int,
        by requester: Requester?
    ) {
        report(
            EventDescription(
                .control,
                .error,
                "reload-refused",
                message,
                remedy: remedy,
                fields: [.init("mistakes", mistakes)] + .fields(of: requester),
                // It quotes the files, and those have names in them.
                facts: [.init("mistakes-text", message, .name)]
            )
        )
    }
}

extension ReloadReport {
    fileprivate mutating func refuse(_ message: String, remedy: String? = nil) {
        outcome = .refused
        error = Failure(message: message, remedy: remedy)
    }
}

extension ReloadReport.Change {
    /// - Parameter occupant: Whose call has the address that a user has from then on.
    fileprivate init(_ change: ReloadPlan.Change, _ census: ControlPlane.Census, occupant: String?) {
        let calls =
            switch change.scope {
            case .nobody: 0
            case .everybody: census.calls
            case .user(let name): census.byUser[name] ?? 0
            case .profile(let name): census.byProfile[name] ?? 0
            case .pool(let name): census.byPool[name] ?? 0
            }
        let note = occupant.flatMap { name in
            change.address.map { "\($0) is in use by a call of \(name): no other call gets it until that ends" }
        }
        let what = [change.what.isEmpty ? nil : change.what, note].compactMap(\.self)
        self.init(
            kind: change.kind.rawValue,
            key: change.key,
            what: what.isEmpty ? nil : what.joined(separator: "; "),
            takesEffect: change.time.rawValue,
            calls: calls,
            feeling: calls == 0 || change.feeling.isEmpty ? nil : change.feeling
        )
    }
}

extension ReloadReport.Ending {
    fileprivate init(_ departure: ControlPlane.Departure) {
        self.init(
            trace: "\(departure.trace)",
            user: departure.userName,
            peer: "\(departure.peer)",
            reason: departure.reason.words
        )
    }
}

extension ReloadReport.Finding {
    fileprivate init(_ diagnostic: Diagnostic) {
        self.init(
            severity: diagnostic.severity.rawValue,
            file: diagnostic.file,
            line: diagnostic.line,
            column: diagnostic.column,
            message: diagnostic.message,
            remedy: diagnostic.remedy
        )
    }
}
