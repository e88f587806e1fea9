// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import DataPlane
internal import IKE
internal import L2TP
internal import Primitives

/// A value and where it stands.
struct Placed<Value> {
    var value: Value
    var position: Position
}

struct LimitsSection {
    var calls: Placed<Int>?
    var ikeSAs: Placed<Int>?
    var halfOpen: Placed<Int>?
    var halfOpenPerSource: Placed<Int>?
    var largeSources: [IPPrefix] = []
    var tunnels: Placed<Int>?
    var sessionsPerTunnel: Placed<Int>?
    var traces: Placed<Int>?
    var failedTraces: Placed<Int>?
}

extension Lowering {
    mutating func limits(_ section: Section) -> LimitsSection {
        var section = section
        var limits = LimitsSection()
        limits.calls = limit("calls", of: &section, upTo: RequestID.privatePorts.count)
        limits.ikeSAs = limit("ike-sas", of: &section, upTo: 1_000_000)
        limits.halfOpen = limit("half-open", of: &section, upTo: 1_000_000)
        limits.halfOpenPerSource = limit("half-open-per-source", of: &section, upTo: 1_000_000)
        limits.largeSources = section.take("large-sources").map { largeSources($0) } ?? []
        limits.tunnels = limit("tunnels", of: &section, upTo: 65_535)
        limits.sessionsPerTunnel = limit("sessions-per-tunnel", of: &section, upTo: 65_535)
        limits.traces = limit("traces", of: &section, upTo: 16_384)
        limits.failedTraces = limit("failed-traces", of: &section, upTo: 16_384)
        section.finish(&diagnostics)
        demand(limits.halfOpenPerSource, "half-open-per-source", within: limits.halfOpen, "half-open")
        demand(limits.halfOpen, "half-open", within: limits.ikeSAs, "ike-sas")
        return limits
    }

    private mutating func limit(_ key: String, of section: inout Section, upTo largest: Int) -> Placed<Int>? {
        guard let node = section.take(key), let value = node.integer(key, in: 1...largest, &diagnostics) else {
            return nil
        }
        return Placed(value: value, position: node.position)
    }

    /// The part is no larger than the whole, if the file sets both.
    private mutating func demand(
        _ part: Placed<Int>?,
        _ partName: String,
        within whole: Placed<Int>?,
        _ wholeName: String
    ) {
        guard let part, let whole, part.value > whole.value else { return }
        diagnostics.error(
            part.position,
            "\(partName) is \(part.value), but \(wholeName) allows \(whole.value) in all"
        )
    }

    private mutating func largeSources(_ node: Document.Node) -> [IPPrefix] {
        var prefixes: [IPPrefix] = []
        for element in node.elements("large-sources", &diagnostics) ?? [] {
            guard let prefix = element.prefix("large-sources", &diagnostics) else { continue }
            if prefixes.contains(prefix) {
                diagnostics.error(element.position, "large-sources lists \(prefix) twice")
            }
            if prefix.length == 0 {
                diagnostics.error(
                    element.position,
                    "large-sources \(prefix) is everybody: the limits per source would protect nobody",
                    remedy: "raise half-open-per-source, or name the networks that many peers come from"
                )
            }
            prefixes.append(prefix)
        }
        return prefixes
    }
}

extension ControlPlane.Configuration {
    mutating func apply(_ limits: LimitsSection) {
        callLimit = limits.calls?.value ?? callLimit
        ike.ikeSALimit = limits.ikeSAs?.value ?? ike.ikeSALimit
        ike.halfOpenLimit = limits.halfOpen?.value ?? ike.halfOpenLimit
        ike.halfOpenPerSourceLimit = limits.halfOpenPerSource?.value ?? ike.halfOpenPerSourceLimit
        ike.largeSources = limits.largeSources
        l2tp.tunnelLimit = limits.tunnels?.value ?? l2tp.tunnelLimit
        traceLimits.traces = limits.traces?.value ?? traceLimits.traces
        traceLimits.failed = limits.failedTraces?.value ?? traceLimits.failed
        l2tp.sessionsPerTunnelLimit = limits.sessionsPerTunnel?.value ?? l2tp.sessionsPerTunnelLimit
    }
}
