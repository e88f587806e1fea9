// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import IKE
internal import L2TP
internal import PPP
internal import Primitives

/// Keys that stand alone. `Docs/Reload.md` has the same as a table.
extension ReloadPlan {
    private static var keepsIt: String { "they keep what they have until they end" }
    private static var staysUp: String { "they stay, however many they are" }

    static func rules(from old: Settings, to new: Settings) -> [ReloadRule] {
        gateway(old, new) + ike(old, new) + l2tp(old, new) + ppp(old, new) + limits(old, new) + outside(old, new)
    }

    private static func rule<Value: Equatable>(
        _ key: String,
        _ paths: [WritableKeyPath<Settings, Value>],
        _ old: Settings,
        _ new: Settings,
        _ time: Time,
        of scope: Scope = .nobody,
        feeling: String = "",
        _ words: (Value) -> String
    ) -> ReloadRule {
        let isSame = paths.allSatisfy { old[keyPath: $0] == new[keyPath: $0] }
        var change: Change?
        if !isSame, let path = paths.first {
            let (was, now) = (words(old[keyPath: path]), words(new[keyPath: path]))
            let what = was == now ? was : "was \(was), is \(now)"
            change = Change(.changed, key, what, time, of: scope, feeling: feeling)
        }
        return ReloadRule(change: change) { from, to in
            for path in paths { to[keyPath: path] = from[keyPath: path] }
        }
    }

    private static func rule<Value: Equatable>(
        _ key: String,
        _ path: WritableKeyPath<Settings, Value>,
        _ old: Settings,
        _ new: Settings,
        _ time: Time,
        of scope: Scope = .nobody,
        feeling: String = "",
        _ words: (Value) -> String
    ) -> ReloadRule {
        rule(key, [path], old, new, time, of: scope, feeling: feeling, words)
    }

    private static func gateway(_ old: Settings, _ new: Settings) -> [ReloadRule] {
        [
            rule(
                "gateway.name",
                [\.gatewayName, \.controlPlane.l2tp.hostName, \.controlPlane.ppp.name],
                old,
                new,
                .newCalls,
                of: .everybody,
                feeling: "they know us by the former name until they end",
                \.self
            ),
            rule("gateway.listen", \.listen, old, new, .restart, feeling: "nothing until then", list),
            rule(
                "gateway.outer-mtu",
                \.controlPlane.outerMTU,
                old,
                new,
                .newCalls,
                of: .everybody,
                feeling: "they keep their MTU until they end",
                text
            ),
        ]
    }

    private static func ike(_ old: Settings, _ new: Settings) -> [ReloadRule] {
        [
            rule("ike.exchange-timeout", \.controlPlane.ike.exchangeTimeout, old, new, .nextRekeying, \.text),
            rule("ike.keepalive-interval", \.controlPlane.ike.keepaliveInterval, old, new, .atOnce, \.text),
            rule(
                "liveness.dead-peer-interval",
                \.controlPlane.ike.deadPeerInterval,
                old,
                new,
                .atOnce,
                of: .everybody,
                feeling: "they are asked at the new interval from the next question on",
                \.text
            ),
            rule(
                "liveness.grace",
                [
                    \.controlPlane.ike.silenceLimit, \.controlPlane.l2tp.silenceLimit,
                    \.controlPlane.ppp.silenceLimit,
                ],
                old,
                new,
                .atOnce,
                of: .everybody,
                feeling: "IKE and L2TP wait the new time; the echoes of PPP that of the call's beginning",
                \.text
            ),
        ]
    }

    private static func l2tp(_ old: Settings, _ new: Settings) -> [ReloadRule] {
        [
            rule(
                "l2tp.secret",
                \.controlPlane.l2tp.secret,
                old,
                new,
                .newCalls,
                of: .everybody,
                feeling: "their tunnels keep the former secret"
            ) { $0 == nil ? "none" : "a secret" },
            rule(
                "l2tp.hello-interval",
                \.controlPlane.l2tp.helloInterval,
                old,
                new,
                .atOnce,
                of: .everybody,
                feeling: "they are asked at the new interval",
                \.text
            ),
            rule(
                "l2tp.receive-window-size",
                \.controlPlane.l2tp.receiveWindowSize,
                old,
                new,
                .newCalls,
                of: .everybody,
                feeling: keepsIt,
                text
            ),
            rule(
                "l2tp.retransmission-limit",
                \.controlPlane.l2tp.retransmissionLimit,
                old,
                new,
                .newCalls,
                of: .everybody,
                feeling: keepsIt,
                text
            ),
        ].map(sayingSecret)
    }

    /// One secret for another: both are "a secret".
    private static func sayingSecret(_ rule: ReloadRule) -> ReloadRule {
        guard var change = rule.change, change.what == "a secret" else { return rule }
        change.what = "secret changed"
        return ReloadRule(change: change, carry: rule.carry)
    }

    private static func ppp(_ old: Settings, _ new: Settings) -> [ReloadRule] {
        let servers = "they keep the former servers until they end"
        return [
            rule(
                "ppp.authentication",
                \.controlPlane.ppp.authentication,
                old,
                new,
                .newCalls,
                of: .everybody,
                feeling: "they have authenticated themselves already"
            ) { $0.map(\.rawValue).joined(separator: ", ") },
            rule("ppp.dns", \.controlPlane.dns, old, new, .newCalls, of: .everybody, feeling: servers, list),
            rule("ppp.wins", \.controlPlane.wins, old, new, .newCalls, of: .everybody, feeling: servers, list),
            mtu(old, new),
            rule("ppp.clamp-mss", \.clampsSegments, old, new, .restart, feeling: "nothing until then") {
                $0 ? "true" : "false"
            },
            rule(
                "ppp.echo-interval",
                \.controlPlane.ppp.echoInterval,
                old,
                new,
                .newCalls,
                of: .everybody,
                feeling: keepsIt,
                \.text
            ),
            rule("ppp.set-up-timeout", \.controlPlane.ppp.setUpTimeout, old, new, .newCalls, \.text),
            rule("ppp.authentication-tries", \.controlPlane.ppp.authenticationTries, old, new, .newCalls, text),
        ]
    }

    private static func mtu(_ old: Settings, _ new: Settings) -> ReloadRule {
        let mtu = rule(
            "ppp.mtu",
            \.controlPlane.mtu,
            old,
            new,
            .newCalls,
            of: .everybody,
            feeling: "they keep their MTU until they end"
        ) {
            switch $0 {
            case .auto: "auto"
            case .fixed(let value): "\(value)"
            }
        }
        return ReloadRule(change: mtu.change) { from, to in
            mtu.carry(from, &to)
            // It follows from the MTU.
            to.controlPlane.ppp.mru = from.controlPlane.ppp.mru
        }
    }

    private static func limits(_ old: Settings, _ new: Settings) -> [ReloadRule] {
        func limit(_ name: String, _ path: WritableKeyPath<Settings, Int>) -> ReloadRule {
            rule("limits.\(name)", path, old, new, .atOnce, of: .everybody, feeling: staysUp, text)
        }
        return [
            limit("calls", \.controlPlane.callLimit), limit("ike-sas", \.controlPlane.ike.ikeSALimit),
            limit("half-open", \.controlPlane.ike.halfOpenLimit),
            limit("half-open-per-source", \.controlPlane.ike.halfOpenPerSourceLimit),
            rule("limits.large-sources", \.controlPlane.ike.largeSources, old, new, .atOnce, list),
            limit("tunnels", \.controlPlane.l2tp.tunnelLimit),
            limit("sessions-per-tunnel", \.controlPlane.l2tp.sessionsPerTunnelLimit),
            rule("limits.traces", \.controlPlane.traceLimits.traces, old, new, .atOnce, text),
            rule("limits.failed-traces", \.controlPlane.traceLimits.failed, old, new, .atOnce, text),
        ]
    }

    private static func outside(_ old: Settings, _ new: Settings) -> [ReloadRule] {
        let later = "nothing until then"
        return [
            rule("control.socket", \.controlSocket.path, old, new, .restart, feeling: later, \.self),
            rule("control.mode", \.controlSocket.mode, old, new, .restart, feeling: later, \.octal),
            rule("control.group", \.controlSocket.group, old, new, .restart, feeling: later) { $0 ?? "none" },
            rule("metrics.listen", \.metrics.listen, old, new, .restart, feeling: later) {
                $0.map { "\($0)" } ?? "none"
            },
            rule("log.level", \.log.level, old, new, .atOnce, \.rawValue),
            rule("log.format", \.log.format, old, new, .atOnce, \.rawValue),
            rule("log.to", \.log.to, old, new, .atOnce, \.rawValue),
            rule("log.security", \.log.security, old, new, .atOnce) { $0.map(\.text) ?? "none" },
            rule("log.privacy", \.log.privacy, old, new, .atOnce) { $0.map(\.text) ?? "none" },
        ]
    }

    private static func text(_ value: some BinaryInteger) -> String { "\(value)" }

    static func list(_ values: [some CustomStringConvertible]) -> String {
        values.isEmpty ? "none" : values.map(\.description).joined(separator: ", ")
    }
}

extension SecurityLogSettings {
    fileprivate var text: String {
        switch to {
        case .stderr: "\(format.rawValue) to stderr"
        case .journald: "\(format.rawValue) to journald"
        case .file(let path): "\(format.rawValue) to \(path)"
        }
    }
}

extension PrivacySettings {
    fileprivate var text: String {
        "names \(names.rawValue), addresses \(addresses.rawValue), keys in \(folder) for \(after.text)"
    }
}
