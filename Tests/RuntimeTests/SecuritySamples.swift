// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import IKE
import L2TP
import PPP
import Primitives
import Runtime

/// An event for every security action, as the gateway reports it.
enum SecuritySamples {
    static let peer = SocketAddress(.v4(0xCB00_710A), port: 4500)
    static let time = WallClockTime(milliseconds: 1_795_222_923_456)
    static let trace = TraceID(rawValue: 0x9F3C_02A1_7B44_D05E)
    private static let inner = IPAddress.v4(0x0A63_0007)

    static func all() -> [EventDescription] { users + calls + keys + tunnels() + daemon }

    static func line(_ description: EventDescription) -> LogLine {
        let isOwn = daemon.contains(description) && description.name != "scan-detected"
        return LogLine(time: time, description: description, trace: isOwn ? nil : trace, peer: isOwn ? nil : peer)
    }

    private static let users: [EventDescription] = [
        PPP.Event.Kind.authenticated(userName: "alice", method: .mschapv2),
        .userRefused(userName: "alice", method: .mschapv2, .wrongPassword, isFinal: false),
        .triesExhausted(3), .userChanged(from: "alice", to: "bob"),
    ].map(\.description)

    private static let calls: [EventDescription] = [
        CallEvent.Kind.authenticationThrottled(userName: "alice", .pair, retryAfter: .seconds(300)),
        .authenticationThrottled(userName: "alice", .source, retryAfter: .seconds(60)),
        .up(userName: "alice", address: inner, interface: "cv7", mtu: 1400, setUp: .milliseconds(340)),
        .down(userName: "alice", address: inner, because: "the peer terminated the link", after: .seconds(4711)),
    ].map { CallEvent(trace: nil, peer: nil, kind: $0).description }

    private static let keys: [EventDescription] = [
        IKE.Event.Kind.authenticationFailed(.preSharedKeyDiffers, profile: "office"),
        .identity(.refused(identity: "laptop.example.net", profile: "office")),
        .preSharedKeys(.noneIsCurrent(profile: "office")),
        .aggressiveMode(.noKey(identity: "key-id:sales", profile: "office")),
        .aggressiveMode(.refused(identity: "key-id:sales")), .authenticationDelay(.seconds(8)),
        .preSharedKeys(.overBudget), .firstMessageRate(10), .halfOpenSourceLimit(32), .halfOpenLimit(10_000),
        .aggressiveMode(.overRate(1)), .aggressiveMode(.overLimit(8)), .hashMismatch(.quickMode),
        .legacyAlgorithm([.modp1024], transform: "aes256-sha1-modp1024"),
        .legacyGrant(.ended(LegacyGrant(.modp1024), profile: "office")),
    ].map { IKE.Event(trace: nil, peer: nil, kind: $0).description }

    private static func tunnels() -> [EventDescription] {
        guard let tunnel = TunnelID(rawValue: 7) else { return [] }
        let other = SocketAddress(.v4(0xC633_6407), port: 1701)
        return [
            L2TP.Event.Kind.authenticationFailed(tunnel, hostName: "router"), .noSecret(hostName: "router"),
            .foreignTunnel(tunnel), .unexpectedSource(tunnel, other),
        ].map(\.description)
    }

    /// What comes of the process itself, in its words.
    private static let daemon: [EventDescription] = [
        EventDescription(
            .control,
            .warning,
            "scan-detected",
            "30 first messages of this address were refused within a minute",
            fields: [.init("kind", "refused"), .init("count", 30)]
        ),
        EventDescription(.control, .notice, "reloaded", "the configuration was read again: 1 changed"),
        EventDescription(.control, .warning, "reload-refused", "the configuration has a mistake and was not taken"),
        EventDescription(
            .control,
            .notice,
            "terminate",
            "2 calls are told to end",
            fields: [.init("calls", 2), .init("uid", 1000), .init("pid", 4242)]
        ),
        EventDescription(
            .control,
            .warning,
            "peer-refused",
            "a process that may not use the control socket was turned away",
            fields: [.init("count", 1), .init("uid", 1001), .init("pid", 4244)]
        ),
        EventDescription(
            .control,
            .warning,
            "impaired",
            "impaired: notices of the kernel count as lost",
            fields: [.init("uid", 0), .init("pid", 4243)]
        ),
        EventDescription(
            .control,
            .notice,
            "ready",
            "culvertd \(Daemon.version) is ready on 192.0.2.1:500, 192.0.2.1:4500",
            fields: [.init("gateway", "gw1.example.net"), .init("control-socket", "/run/culvert/control.sock")]
        ),
        EventDescription(.control, .notice, "stopped", "every tunnel and every key is gone"),
        EventDescription(
            .control,
            .warning,
            "security-events-held",
            "7 more events login-failed in 60 s were counted but not written as security events",
            fields: [.init("event", "login-failed"), .init("count", 7)]
        ),
        EventDescription(
            .control,
            .warning,
            "security-log-not-followed",
            "/var/log/culvert/security.json is another file now and cannot be opened, security events go on into the old "
                + "one: open: Permission denied"
        ),
        EventDescription(
            .control,
            .error,
            "privacy-keys-unavailable",
            "there is no key for pseudonyms, and the log leaves out what they would stand for: open: Permission denied"
        ),
    ]
}
