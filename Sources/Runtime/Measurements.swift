// SPDX-License-Identifier: Apache-2.0
package import ControlPlane
internal import IKE
internal import PPP
package import Primitives

/// What is measured beside the counters of events: durations, refusals, and what the kernel was asked.
package struct Measurements: Hashable, Sendable {
    /// A refusal by the name of its event, which is bounded: no peer has a part in it.
    package struct Refusal: Hashable, Sendable {
        package var layer: EventDescription.Layer
        package var name: String
    }

    /// Work on messages of IKE, by the exchange they belong to.
    package enum Exchange: String, Hashable, Sendable, CaseIterable {
        case mainMode = "main-mode"
        case aggressiveMode = "aggressive-mode"
        case quickMode = "quick-mode"
        case informational
        case other
    }

    package struct Work: Hashable, Sendable {
        package var messages: UInt64 = 0
        package var cpuNanoseconds: UInt64 = 0
    }

    /// When the configuration was last read again, and what came of it.
    package struct Reload: Hashable, Sendable {
        package var applied: UInt64 = 0
        package var refused: UInt64 = 0
        package var wasLastApplied = true
        /// `nil` while the one of the start is in force.
        package var lastApplied: WallClockTime?
    }

    private var setUp = SetUpClock()
    package private(set) var refusals: [Refusal: UInt64] = [:]
    /// Users who were told no, by ``AuthenticationReason``.
    package private(set) var refusedUsers: [AuthenticationReason: UInt64] = [:]
    package private(set) var reload = Reload()
    /// In the order of the exchanges.
    private var work = Exchange.allCases.map { _ in Work() }
    package var kernel = KernelMeter()

    package init() {}

    package enum AuthenticationReason: String, Hashable, Sendable, CaseIterable {
        case wrongPassword = "wrong-password"
        case unknownUser = "unknown-user"
        case disabled
        case methodUnsuitable = "method-unsuitable"
        case throttled
    }

    package mutating func record(
        _ event: ControlPlane.Event,
        described description: EventDescription,
        at now: MonotonicTime
    ) {
        setUp.record(event, at: now)
        if event.isRefusal {
            refusals[Refusal(layer: description.layer, name: description.name), default: 0] += 1
        }
        if case .ppp(let event) = event, case .userRefused(_, _, let refusal, _) = event.kind {
            refusedUsers[AuthenticationReason(refusal), default: 0] += 1
        }
    }

    /// What the daemon says of itself.
    package mutating func record(_ description: EventDescription, wallClock: () -> WallClockTime) {
        guard description.layer == .control else { return }
        switch description.name {
        case "reloaded":
            reload.applied += 1
            reload.wasLastApplied = true
            reload.lastApplied = wallClock()
        case "reload-refused":
            reload.refused += 1
            reload.wasLastApplied = false
        default:
            break
        }
    }

    mutating func noteWork(on datagram: IKE.Datagram, cpuNanoseconds: Int64) {
        let place = Exchange(datagram).place
        work[place].messages += 1
        work[place].cpuNanoseconds += UInt64(max(0, cpuNanoseconds))
    }

    package subscript(exchange: Exchange) -> Work { work[exchange.place] }

    /// By the label of the phase.
    package var setUpTimes: [(phase: String, histogram: Histogram)] {
        SetUpClock.Phase.allCases.map { ($0.rawValue, setUp[$0]) }
    }
}

extension Measurements.Exchange {
    /// By the exchange type in the header, whatever it is worth.
    fileprivate init(_ datagram: IKE.Datagram) {
        let place = (datagram.port == .natTraversal ? 4 : 0) + 18
        guard datagram.bytes.indices.contains(place) else {
            self = .other
            return
        }
        switch ExchangeType(rawValue: datagram.bytes[place]) {
        case .identityProtection: self = .mainMode
        case .aggressive: self = .aggressiveMode
        case .quickMode: self = .quickMode
        case .informational: self = .informational
        case _: self = .other
        }
    }

    fileprivate var place: Int {
        switch self {
        case .mainMode: 0
        case .aggressiveMode: 1
        case .quickMode: 2
        case .informational: 3
        case .other: 4
        }
    }
}

extension Measurements.AuthenticationReason {
    fileprivate init(_ refusal: AuthenticationVerdict.Refusal) {
        switch refusal {
        case .unknownUser: self = .unknownUser
        case .wrongPassword: self = .wrongPassword
        case .methodUnsuitable: self = .methodUnsuitable
        case .disabled: self = .disabled
        case .throttled: self = .throttled
        }
    }
}
