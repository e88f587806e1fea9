// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Primitives

/// What can be told of a call in one cell.
enum SessionColumn: String, CaseIterable {
    case user
    case address
    case state
    case trace
    case peer
    case age
    case client
    case idle
    case rx
    case tx
    case nat
    case port
    case local
    case profile
    case identity
    case key
    case ike
    case ikeAge = "ike-age"
    case esp
    case tunnel
    case session
    case host
    case phase
    case auth
    case gateway
    case interface
    case mtu
    case rxPackets = "rx-packets"
    case txPackets = "tx-packets"

    /// Left to right, if nobody chose.
    static let usual: [SessionColumn] = [.trace, .user, .address, .peer, .client, .nat, .state, .age, .idle, .rx, .tx]

    var meaning: String {
        switch self {
        case .user: "the name that PPP authenticated"
        case .address: "the peer's address inside the tunnel"
        case .state: "keying, keyed, tunnel, negotiating, up or closing"
        case .trace: "names the call, for show, explain and terminate"
        case .peer: "the peer's outer address"
        case .age: "since its first message"
        case .client: "the kind of client that IKE's first message showed"
        case .idle: "since the last IP packet, in either direction"
        case .rx: "bytes received from the peer, as the kernel counts them"
        case .tx: "bytes sent to the peer"
        case .nat: "who is behind NAT: none, peer, local or both"
        case .port: "the peer's outer port of IKE"
        case .local: "our outer address"
        case .profile: "the configured profile that the peer came under"
        case .identity: "the peer's IKE identity"
        case .key: "which pre-shared key, where a profile has several"
        case .ike: "algorithms of the IKE SA"
        case .ikeAge: "since the IKE SA's keys were agreed"
        case .esp: "algorithms of the ESP pair that we send with"
        case .tunnel: "L2TP tunnel ids, ours/peer's"
        case .session: "L2TP session ids, ours/peer's"
        case .host: "the peer's L2TP host name"
        case .phase: "of PPP: establish, authenticate, network or terminate"
        case .auth: "how PPP authenticated"
        case .gateway: "our address inside the tunnel"
        case .interface: "the network interface"
        case .mtu: "of the interface, in bytes; show tells its arithmetic"
        case .rxPackets: "packets received from the peer"
        case .txPackets: "packets sent to the peer"
        }
    }

    var column: Table.Column {
        Table.Column(
            rawValue.uppercased(),
            isNumber: isNumber,
            minimum: minimum,
            // Those that come first above stay longest.
            importance: Self.allCases.count - (Self.allCases.firstIndex(of: self) ?? 0)
        )
    }

    private var isNumber: Bool {
        switch self {
        case .age, .ikeAge, .idle, .rx, .tx, .rxPackets, .txPackets, .mtu, .port: true
        case _: false
        }
    }

    private var minimum: Int? {
        switch self {
        case .user: 8
        case .peer, .local, .address, .gateway: 15
        case .client: 7
        case .profile, .identity, .key, .host, .ike, .esp: 6
        case _: nil
        }
    }

    /// The cell; `nil` for what is not known.
    func text(of call: CallSnapshot) -> String? {
        switch self {
        case .user: return call.user
        case .address: return call.innerAddress
        case .state: return call.state
        case .trace: return call.trace
        case .peer: return call.ike.peer.hostPart
        case .age: return call.ageSeconds.asAge
        case .client: return call.ike.client
        case .idle: return call.idleSeconds.map(\.asAge)
        case .rx: return call.traffic.map { size($0.receivedBytes) }
        case .tx: return call.traffic.map { size($0.sentBytes) }
        case .nat: return call.ike.nat
        case .port: return call.ike.peer.portPart
        case .local: return call.ike.local.isEmpty ? nil : call.ike.local.hostPart
        case .profile: return call.ike.profile.isEmpty ? nil : call.ike.profile
        case .identity: return call.ike.identity
        case .key: return call.ike.key
        case .ike: return call.ike.transform
        case .ikeAge: return call.ike.ageSeconds.map(\.asAge)
        case .esp: return (call.esp.first(where: \.sending) ?? call.esp.last)?.transform
        case .tunnel: return call.l2tp.map { "\($0.tunnel)/\($0.peerTunnel)" }
        case .session: return call.l2tp.map { "\($0.session)/\($0.peerSession)" }
        case .host: return call.l2tp?.hostName
        case .phase: return call.ppp?.phase
        case .auth: return call.ppp?.authentication
        case .gateway: return call.gatewayAddress
        case .interface: return call.interface
        case .mtu: return call.mtu.map { "\($0)" }
        case .rxPackets: return call.traffic.map { grouped($0.receivedPackets) }
        case .txPackets: return call.traffic.map { grouped($0.sentPackets) }
        }
    }

    /// Large numbers come first, text and addresses in their order; what is not known comes last either way.
    func sorted(_ calls: [CallSnapshot], isReversed: Bool = false) -> [CallSnapshot] {
        let keys = calls.map(place)
        let order = calls.indices.sorted { one, other in
            switch (keys[one], keys[other]) {
            case (nil, nil): return calls[one].precedes(calls[other])
            case (nil, .some): return false
            case (.some, nil): return true
            case (let first?, let second?):
                if first == second { return calls[one].precedes(calls[other]) }
                return isReversed ? second < first : first < second
            }
        }
        return order.map { calls[$0] }
    }

    private enum Place: Comparable {
        case number(Double)
        case text(String)
    }

    private func place(of call: CallSnapshot) -> Place? {
        switch self {
        case .age: return Place.number(-call.ageSeconds)
        case .ikeAge: return call.ike.ageSeconds.map { Place.number(-$0) }
        case .idle: return call.idleSeconds.map { Place.number(-$0) }
        case .rx: return call.traffic.map { Place.number(-Double($0.receivedBytes)) }
        case .tx: return call.traffic.map { Place.number(-Double($0.sentBytes)) }
        case .rxPackets: return call.traffic.map { Place.number(-Double($0.receivedPackets)) }
        case .txPackets: return call.traffic.map { Place.number(-Double($0.sentPackets)) }
        case .mtu: return call.mtu.map { Place.number(-Double($0)) }
        case .port: return call.ike.peer.portPart.flatMap { Double($0) }.map { Place.number($0) }
        case .tunnel: return call.l2tp.map { Place.number(Double($0.tunnel)) }
        case .session: return call.l2tp.map { Place.number(Double($0.session)) }
        case .peer, .local, .address, .gateway: return text(of: call).map { Place.text(IPAddress($0)?.sortable ?? $0) }
        case .state: return call.stateOrder.map { Place.number(Double($0)) } ?? .text(call.state)
        case .user, .trace, .client, .nat, .profile, .identity, .key, .ike, .esp, .host, .phase, .auth, .interface:
            return text(of: call).map { Place.text($0) }
        }
    }
}

extension CallSnapshot {
    /// The states, in the order of summaries.
    static let states = ["up", "negotiating", "tunnel", "keyed", "keying", "closing"]

    fileprivate var stateOrder: Int? { Self.states.firstIndex(of: state) }
}

extension CallSnapshot.IKEPart {
    var nat: String {
        switch (peerBehindNAT, localBehindNAT) {
        case (false, false): "none"
        case (true, false): "peer"
        case (false, true): "local"
        case (true, true): "both"
        }
    }
}

extension IPAddress {
    /// Text that sorts as the addresses do, those of IPv4 first.
    fileprivate var sortable: String {
        switch self {
        case .v4(let value): "4" + String(UInt64(value) | 1 << 32, radix: 16)
        case .v6(let high, let low): "6" + high.sixteenDigits + low.sixteenDigits
        }
    }
}

extension UInt64 {
    fileprivate var sixteenDigits: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension String {
    /// Of `192.0.2.1:4500` and `[2001:db8::1]:4500` all but the port.
    var hostPart: String {
        guard let colon = lastIndex(of: ":") else { return self }
        let host = self[..<colon]
        return host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : String(host)
    }

    fileprivate var portPart: String? {
        guard let colon = lastIndex(of: ":") else { return nil }
        return String(self[index(after: colon)...])
    }
}
