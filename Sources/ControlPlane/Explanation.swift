// SPDX-License-Identifier: Apache-2.0
internal import IKE
internal import PPP
package import Primitives

/// What is known of a call. Cheap to make: the words come with ``snapshot``, which need not be asked for on the thread
/// that serves peers.
package struct Explanation: Hashable, Sendable {
    private let trace: Trace?
    /// The call as it stands, if it does.
    private let call: CallSnapshot?
    private let traceLimit: Int
    private let now: MonotonicTime

    package init(of trace: Trace?, _ call: CallSnapshot?, traceLimit: Int, at now: MonotonicTime) {
        self.trace = trace
        self.call = call
        self.traceLimit = traceLimit
        self.now = now
    }

    package var snapshot: TraceSnapshot {
        guard let trace else { return standing }
        var snapshot = TraceSnapshot(
            trace: trace.id?.description,
            peer: trace.peer.description,
            state: call?.state == "up" ? "up" : trace.state.rawValue,
            ageSeconds: trace.began.duration(to: now).wholeSeconds,
            steps: trace.steps
        )
        snapshot.client = trace.client ?? call?.ike.client
        snapshot.profile = trace.profile ?? call?.ike.profile
        snapshot.user = trace.userName ?? call?.user
        if trace.leftOut > 0 { snapshot.leftOut = trace.leftOut }
        if snapshot.state == "failed" { snapshot.verdict = trace.verdict }
        if trace.isPartial {
            snapshot.note = "what came before the first step is no longer kept: limits.traces is \(traceLimit)"
        }
        return snapshot
    }

    /// From the call alone.
    private var standing: TraceSnapshot {
        guard let call else { return TraceSnapshot(trace: nil, peer: "", state: "ended", ageSeconds: 0, steps: []) }
        let at = call.ageSeconds
        func step(_ layer: EventDescription.Layer, _ text: String) -> TraceSnapshot.Step {
            TraceSnapshot.Step(at: at, layer: layer.rawValue, severity: "info", event: "stands", text: text)
        }
        var steps = [step(.ike, ([call.ike.state] + [call.ike.identity, call.ike.transform].compactMap(\.self)).list)]
        steps += call.esp.map { step(.esp, "\($0.transform), \($0.encapsulated ? "in UDP" : "without UDP")") }
        if let l2tp = call.l2tp { steps.append(step(.l2tp, "tunnel \(l2tp.tunnel), session \(l2tp.session)")) }
        if let ppp = call.ppp { steps.append(step(.ppp, "phase \(ppp.phase)")) }
        if let user = call.user {
            let method = call.ppp?.authentication.map { " by \($0)" } ?? ""
            steps.append(step(.authentication, "user \(user) is authenticated\(method)"))
        }
        if let address = call.innerAddress {
            steps.append(step(.control, "address \(address)\(call.interface.map { " on \($0)" } ?? "")"))
        }
        var snapshot = TraceSnapshot(
            trace: call.trace,
            peer: call.ike.peer,
            state: call.state == "up" ? "up" : "opening",
            ageSeconds: at,
            steps: steps
        )
        snapshot.client = call.ike.client
        snapshot.profile = call.ike.profile.isEmpty ? nil : call.ike.profile
        snapshot.user = call.user
        snapshot.note =
            "how it came up is no longer kept (limits.traces is \(traceLimit)): this is how it stands now"
        return snapshot
    }
}

extension Trace {
    package func summary(at now: MonotonicTime) -> TraceSummary {
        var summary = TraceSummary(
            trace: id?.description,
            peer: peer.description,
            state: state.rawValue,
            ageSeconds: began.duration(to: now).wholeSeconds
        )
        summary.user = userName
        if state == .failed, let verdict {
            summary.layer = verdict.layer
            summary.event = verdict.event
        }
        return summary
    }

    var steps: [TraceSnapshot.Step] {
        told.map { entry in
            let description = entry.event.description
            return TraceSnapshot.Step(
                at: began.duration(to: entry.at).wholeSeconds,
                layer: entry.event.explainedLayer.rawValue,
                severity: description.severity.rawValue,
                event: description.name,
                text: entry.event.words ?? description.message,
                fields: Dictionary(description.fields.map { ($0.name, $0.value) }) { first, _ in first },
                remedy: description.remedy,
                count: entry.repetitions > 0 ? Int(entry.repetitions) + 1 : nil
            )
        }
    }

    /// In the order of the conversation: what was offered is reported when phase 1 is done, and was said before.
    private var told: [Entry] {
        var told = entries
        for place in entries.indices {
            guard case .ike(let event) = entries[place].event, case .proposalChosen(.one, _, _) = event.kind,
                let first = told.firstIndex(where: { $0.at == entries[place].at }), first < place
            else { continue }
            told.insert(told.remove(at: place), at: first)
        }
        return told
    }

    var profile: String? {
        for case .ike(let event) in entries.lazy.map(\.event) {
            switch event.kind {
            case .started(let profile), .authenticationFailed(_, let profile): return profile
            case .phase1Established(let profile, _, _, _, _, _): return profile
            case _: continue
            }
        }
        return nil
    }

    var client: String? {
        for case .ike(let event) in entries.lazy.map(\.event) {
            if case .phase1Established(_, _, _, _, let client, _) = event.kind { return client.rawValue }
        }
        return nil
    }

    /// Who it says it is, or is.
    var userName: String? {
        var name: String?
        for entry in entries {
            switch entry.event {
            case .ppp(let event):
                switch event.kind {
                case .authenticated(let user, _), .userRefused(let user, _, _, _): name = user
                case _: break
                }
            case .call(let event):
                switch event.kind {
                case .up(let user, _, _, _, _), .authenticationThrottled(let user, _, _), .noAddress(let user, _):
                    name = user
                case .down(let user?, _, _, _): name = user
                case _: break
                }
            case .ike, .l2tp: break
            }
        }
        return name
    }
}

extension [String] {
    fileprivate var list: String { joined(separator: ", ") }
}
