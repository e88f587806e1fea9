// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import IKE
package import PPP

/// What one native client sends, item by item, as read in its source or in a verbatim log.
///
/// What nobody has seen yet, but reckoned or supposed, is named in ``inferred``: it may turn out otherwise.
package struct ClientVector: Sendable {
    /// Stable, in kebab case: `windows11`. What `culvertctl check --client` takes.
    package var name: String
    /// For people: `Windows 11`.
    package var title: String
    /// What its first message has to be recognised as.
    package var client: Client
    package var phase1: PhaseOne
    package var phase2: PhaseTwo
    package var tunnel: Tunnel
    package var link: Link
    /// Each a sentence on what here is inferred.
    package var inferred: [String]

    package init(
        name: String,
        title: String,
        client: Client,
        phase1: PhaseOne,
        phase2: PhaseTwo,
        tunnel: Tunnel,
        link: Link,
        inferred: [String]
    ) {
        self.name = name
        self.title = title
        self.client = client
        self.phase1 = phase1
        self.phase2 = phase2
        self.tunnel = tunnel
        self.link = link
        self.inferred = inferred
    }

    /// Main mode or aggressive mode, and what is said in it.
    package struct PhaseOne: Sendable {
        /// Each try in turn: a client that is refused may offer something else.
        package var offers: [IKEv1.SAPayload]
        package var vendorIDs: [[UInt8]]
        package var nonceLength = 16
        package var identity = Identity.privateAddress(protocolNumber: 17, port: 500)
        package var sendsInitialContact = false
        /// INITIAL-CONTACT comes in a message of its own, once the IKE SA stands.
        package var announcesItselfAfterwards = false
        /// Goes on if a NAT is found before the gateway.
        package var dialsGatewayBehindNAT = true
        /// Of a message that is not answered, and how often.
        package var repeatsEvery: Duration = .seconds(2)
        package var mostRepeats = 5
        /// Aggressive mode with this group name in clear, if the client has one; main mode without.
        package var groupName: String?

        package init(offers: [IKEv1.SAPayload], vendorIDs: [[UInt8]]) {
            self.offers = offers
            self.vendorIDs = vendorIDs
        }
    }

    package enum Identity: Hashable, Sendable {
        /// ID_IPV4_ADDR or ID_IPV6_ADDR of the client's own interface.
        case privateAddress(protocolNumber: UInt8, port: UInt16)
        case keyID([UInt8])
        case fullyQualifiedDomainName(String)
    }

    package struct PhaseTwo: Sendable {
        /// As without a NAT and without a key exchange: SPIs, the encapsulation mode where a NAT was found, and the
        /// group of ``keyExchange`` are filled in.
        package var offer: IKEv1.SAPayload
        package var keyExchange = KeyExchange.none
        package var trafficPort = TrafficPort.l2tp
        /// NAT-OA payloads where a NAT was found.
        package var originalAddresses = 2
        package var nonceLength = 16
        /// Message ids count 1, 2, 3.
        package var countsMessageIDs = false
        /// The old pair is deleted before the new one is asked for.
        package var deletesBeforeRekeying = false
        /// The old pair lives on beside the new one until its own end.
        package var keepsFormerPair = false
        /// HMAC-SHA2-256 in ESP has 96 bits instead of 128, which is not negotiated.
        package var truncatesSHA256To96 = false
        /// What it does about an LNS that is silent.
        package var impatience: Impatience?

        package init(offer: IKEv1.SAPayload) {
            self.offer = offer
        }
    }

    /// Perfect forward secrecy.
    package enum KeyExchange: Hashable, Sendable {
        case none
        case group(DiffieHellmanGroup)
        /// In whichever group phase 1 was.
        case asInPhaseOne
    }

    /// No answer over L2TP: deletes the ESP SA and asks for another one, again and again; then deletes everything.
    package struct Impatience: Hashable, Sendable {
        package var retriesEvery: Duration
        package var givesUpAfter: Duration

        package init(retriesEvery: Duration, givesUpAfter: Duration) {
            self.retriesEvery = retriesEvery
            self.givesUpAfter = givesUpAfter
        }
    }

    package enum TrafficPort: Hashable, Sendable {
        case l2tp
        /// IDci and the packets alike.
        case ephemeral
        /// IDci says 0, packets come from an ephemeral port.
        case any
    }

    /// L2TP as the client speaks it.
    package struct Tunnel: Sendable {
        package var habits = SimulatedLAC.Habits()
        package var hostName = "client"

        package init() {}
    }

    /// PPP as the client speaks it.
    package struct Link: Sendable {
        package var methods: [AuthenticationMethod] = [.mschapv2]
        package var habits = SimulatedPPPClient.Habits()

        package init() {}
    }
}

extension ClientVector {
    /// Every client there is.
    package static let all: [ClientVector] =
        windowsFamily + appleFamily + androidFamily + linuxFamily + gatewayFamily

    package static func named(_ name: String) -> ClientVector? { all.first { $0.name == name } }
}
