// SPDX-License-Identifier: Apache-2.0

/// One call over all its layers, as `culvertctl` shows it. The JSON keys are the names of the
/// properties, and stable; `Docs/JSON.md` lists them. What is not known (yet) is absent.
package struct CallSnapshot: Codable, Hashable, Sendable {
    /// Sixteen hexadecimal digits.
    package var trace: String
    /// `keying`, `keyed`, `tunnel`, `negotiating`, `up`, `closing`.
    package var state: String
    package var user: String?
    /// The peer's, inside the tunnel.
    package var innerAddress: String?
    /// Our own, inside the tunnel.
    package var gatewayAddress: String?
    package var interface: String?
    package var mtu: Int?
    /// How `mtu` came about, for people.
    package var mtuExplanation: String?
    package var ageSeconds: Double
    /// Whole seconds since the last IP packet through the interface, in either direction.
    package var idleSeconds: Double?

    package var ike: IKEPart
    package var esp: [ESPPart]
    package var l2tp: L2TPPart?
    package var ppp: PPPPart?
    package var traffic: TrafficPart?

    package struct IKEPart: Codable, Hashable, Sendable {
        package var local: String
        package var peer: String
        package var profile: String
        package var identity: String?
        package var state: String
        package var transform: String?
        package var peerBehindNAT: Bool
        package var localBehindNAT: Bool
        /// `windows`, `apple`, …; `unknown` if nothing showed it.
        package var client: String?
        /// The name of the pre-shared key, if the profile has several.
        package var key: String?
        /// Since these keys were agreed.
        package var ageSeconds: Double?

        package init(
            local: String,
            peer: String,
            profile: String,
            identity: String?,
            state: String,
            transform: String?,
            peerBehindNAT: Bool,
            localBehindNAT: Bool
        ) {
            self.local = local
            self.peer = peer
            self.profile = profile
            self.identity = identity
            self.state = state
            self.transform = transform
            self.peerBehindNAT = peerBehindNAT
            self.localBehindNAT = localBehindNAT
        }
    }

    package struct ESPPart: Codable, Hashable, Sendable {
        package var inboundSPI: String
        package var outboundSPI: String
        package var transform: String
        package var encapsulated: Bool
        package var requestID: UInt32
        /// The gateway sends with this pair; it receives with all of them.
        package var sending = false

        package init(
            inboundSPI: String,
            outboundSPI: String,
            transform: String,
            encapsulated: Bool,
            requestID: UInt32
        ) {
            self.inboundSPI = inboundSPI
            self.outboundSPI = outboundSPI
            self.transform = transform
            self.encapsulated = encapsulated
            self.requestID = requestID
        }
    }

    package struct L2TPPart: Codable, Hashable, Sendable {
        package var tunnel: UInt16
        package var peerTunnel: UInt16
        package var session: UInt16
        package var peerSession: UInt16
        package var hostName: String?

        package init(tunnel: UInt16, peerTunnel: UInt16, session: UInt16, peerSession: UInt16, hostName: String?) {
            self.tunnel = tunnel
            self.peerTunnel = peerTunnel
            self.session = session
            self.peerSession = peerSession
            self.hostName = hostName
        }
    }

    package struct PPPPart: Codable, Hashable, Sendable {
        package var phase: String
        package var authentication: String?
        package var peerMRU: UInt16

        package init(phase: String, authentication: String?, peerMRU: UInt16) {
            self.phase = phase
            self.authentication = authentication
            self.peerMRU = peerMRU
        }
    }

    package struct TrafficPart: Codable, Hashable, Sendable {
        package var receivedPackets: UInt64
        package var receivedBytes: UInt64
        package var sentPackets: UInt64
        package var sentBytes: UInt64

        package init(receivedPackets: UInt64, receivedBytes: UInt64, sentPackets: UInt64, sentBytes: UInt64) {
            self.receivedPackets = receivedPackets
            self.receivedBytes = receivedBytes
            self.sentPackets = sentPackets
            self.sentBytes = sentBytes
        }
    }

    package init(trace: String, state: String, ageSeconds: Double, ike: IKEPart, esp: [ESPPart]) {
        self.trace = trace
        self.state = state
        self.ageSeconds = ageSeconds
        self.ike = ike
        self.esp = esp
    }
}

/// The gateway at a glance.
package struct StatusSnapshot: Codable, Hashable, Sendable {
    package struct Pool: Codable, Hashable, Sendable {
        package var name: String
        package var range: String
        package var used: Int
        package var size: Int

        package init(name: String, range: String, used: Int, size: Int) {
            self.name = name
            self.range = range
            self.used = used
            self.size = size
        }
    }

    /// Calls whose network is up.
    package var callCount: Int
    package var ikeCount: Int
    package var childCount: Int
    package var tunnelCount: Int
    package var sessionCount: Int
    package var pools: [Pool]
    /// Filled in by who knows: name, version, uptime, counters by name (`packets.received`, `ike.no-proposal-chosen`).
    package var name: String?
    package var version: String?
    package var uptimeSeconds: Double?
    package var counters: [String: UInt64]?

    package init(
        callCount: Int,
        ikeCount: Int,
        childCount: Int,
        tunnelCount: Int,
        sessionCount: Int,
        pools: [Pool]
    ) {
        self.callCount = callCount
        self.ikeCount = ikeCount
        self.childCount = childCount
        self.tunnelCount = tunnelCount
        self.sessionCount = sessionCount
        self.pools = pools
    }
}
