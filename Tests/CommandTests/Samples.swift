// SPDX-License-Identifier: Apache-2.0
import ControlPlane

enum Samples {
    /// Everything known.
    static let call: CallSnapshot = {
        var call = CallSnapshot(
            trace: "00c0ffee12345678",
            state: "up",
            ageSeconds: 3_725.5,
            ike: CallSnapshot.IKEPart(
                local: "192.0.2.1:4500",
                peer: "198.51.100.7:61001",
                profile: "remote-access",
                identity: "10.0.0.7",
                state: "established",
                transform: "aes256-sha256-modp2048",
                peerBehindNAT: true,
                localBehindNAT: false
            ),
            esp: [
                CallSnapshot.ESPPart(
                    inboundSPI: "c0ffee01",
                    outboundSPI: "0badcafe",
                    transform: "aes256-sha1",
                    encapsulated: true,
                    requestID: 1_073_758_208
                )
            ]
        )
        call.ike.client = "windows"
        call.ike.key = "branch"
        call.user = "alice"
        call.innerAddress = "10.99.0.7"
        call.gatewayAddress = "10.99.0.1"
        call.interface = "cv0"
        call.idleSeconds = 65
        call.ike.ageSeconds = 325
        call.esp[0].sending = true
        call.mtu = 1_398
        call.mtuExplanation =
            "1500 outside, less 20 IPv4, 8 UDP, 34 ESP, 8 UDP, 8 L2TP and 2 PPP, rounded down to a block"
        call.l2tp = CallSnapshot.L2TPPart(
            tunnel: 17,
            peerTunnel: 4,
            session: 3,
            peerSession: 9,
            hostName: "laptop"
        )
        call.ppp = CallSnapshot.PPPPart(phase: "network", authentication: "mschapv2", peerMRU: 1_400)
        call.traffic = CallSnapshot.TrafficPart(
            receivedPackets: 1_234,
            receivedBytes: 5_600_000,
            sentPackets: 999,
            sentBytes: 999
        )
        return call
    }()

    /// What is known after the first message.
    static let beginning = CallSnapshot(
        trace: "00c0ffee00000001",
        state: "keying",
        ageSeconds: 0.25,
        ike: CallSnapshot.IKEPart(
            local: "[2001:db8::1]:500",
            peer: "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:500",
            profile: "remote-access",
            identity: nil,
            state: "key exchange",
            transform: nil,
            peerBehindNAT: false,
            localBehindNAT: false
        ),
        esp: []
    )

    static let status: StatusSnapshot = {
        var status = StatusSnapshot(
            callCount: 1_200,
            ikeCount: 1_201,
            childCount: 1_201,
            tunnelCount: 1_200,
            sessionCount: 1_200,
            pools: [
                StatusSnapshot.Pool(name: "office", range: "10.99.0.0/20", used: 1_200, size: 4_093),
                StatusSnapshot.Pool(name: "guests", range: "10.98.0.0/30", used: 0, size: 1),
            ]
        )
        status.name = "gw1.example.net"
        status.version = "0.1.0"
        status.uptimeSeconds = 273_600
        status.counters = ["ike.no-proposal-chosen": 12, "packets.received": 1_000_000, "l2tp.malformed": 0]
        return status
    }()
}
