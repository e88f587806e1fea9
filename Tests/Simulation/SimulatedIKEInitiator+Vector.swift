// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import DataPlane
internal import IKE
package import Primitives

/// What a client of a certain make says, where it differs from the plain one.
extension SimulatedIKEInitiator.Settings {
    /// - Parameter ephemeralPort: Where it has one of its own for L2TP.
    package init(
        _ vector: ClientVector,
        preSharedKey: [UInt8],
        ownAddress: SocketAddress,
        gateway: SocketAddress,
        ephemeralPort: UInt16
    ) {
        self.init(
            preSharedKey: preSharedKey,
            ikeOffer: [],
            espOffer: [],
            ownAddress: ownAddress,
            gateway: gateway
        )
        vendorIDs = vector.phase1.vendorIDs
        sendsInitialContact = vector.phase1.sendsInitialContact
        dialsGatewayBehindNAT = vector.phase1.dialsGatewayBehindNAT
        groupName = vector.phase1.groupName.map { Array($0.utf8) }
        trafficPort = vector.phase2.trafficPort == .l2tp ? 1701 : ephemeralPort
        phase1 = vector.phase1
        phase2 = vector.phase2
    }
}

/// RFC 3947 and the drafts before it: the same with other numbers.
struct NATTraversalNumbers: Hashable, Sendable {
    var discovery: PayloadType
    var originalAddress: PayloadType
    var udpTransport: UInt16

    static let rfc3947 = NATTraversalNumbers(discovery: .init(rawValue: 20), originalAddress: .init(rawValue: 21), 4)
    static let drafts =
        NATTraversalNumbers(discovery: .init(rawValue: 130), originalAddress: .init(rawValue: 131), 61_444)

    private init(discovery: PayloadType, originalAddress: PayloadType, _ udpTransport: UInt16) {
        self.discovery = discovery
        self.originalAddress = originalAddress
        self.udpTransport = udpTransport
    }

    /// The newest that both announce.
    init?(announced: [[UInt8]], answered: [[UInt8]]) {
        let known: [([UInt8], NATTraversalNumbers)] = [
            (AnnouncedVendorID.rfc3947, .rfc3947), (AnnouncedVendorID.draft03, .drafts),
            (AnnouncedVendorID.draft02Newline, .drafts), (AnnouncedVendorID.draft02, .drafts),
        ]
        guard let common = known.first(where: { announced.contains($0.0) && answered.contains($0.0) }) else {
            return nil
        }
        self = common.1
    }
}

extension SimulatedIKEInitiator {
    /// What stands in the SA payload of message 1.
    var phase1Offer: IKEv1.SAPayload {
        guard let offers = settings.phase1?.offers, offers.indices.contains(attempt) else {
            return IKEv1.SAPayload(proposals: [Offer.phase1(settings.ikeOffer)])
        }
        return offers[attempt]
    }

    /// Bytes of the nonce of phase 1.
    var nonceLength: Int { settings.phase1?.nonceLength ?? 32 }

    /// Who it says it is, in either mode of phase 1.
    var identity: IKEv1.IDPayload {
        switch settings.phase1?.identity {
        case nil:
            IKEv1.IDPayload(settings.ownAddress.address, protocolNumber: 17, port: 500)
        case .privateAddress(let protocolNumber, let port):
            IKEv1.IDPayload(settings.ownAddress.address, protocolNumber: protocolNumber, port: port)
        case .keyID(let bytes):
            IKEv1.IDPayload(type: .keyID, protocolNumber: 17, port: 500, data: bytes)
        case .fullyQualifiedDomainName(let name):
            IKEv1.IDPayload(type: .fqdn, protocolNumber: 17, port: 500, data: Array(name.utf8))
        }
    }

    /// What the gateway chose, if it is one of ours and as we wrote it.
    func ikeTransform(answeredWith answer: IKEv1.SAPayload) -> IKETransform? {
        guard let proposal = answer.proposals.first, let chosen = proposal.transforms.first,
            answer.proposals.count == 1, proposal.transforms.count == 1,
            phase1Offer.proposals.contains(where: { $0.number == proposal.number && $0.transforms.contains(chosen) })
        else { return nil }
        return AnsweredTransform.ike(chosen)
    }

    var initialContact: Payload {
        Payload(
            .notification,
            IKEv1.NotificationPayload(
                protocolID: .isakmp,
                spi: cookieI.bytes + cookieR.bytes,
                type: .initialContact
            )
        )
    }

    mutating func takeMessageID() -> UInt32 {
        let isCounting = settings.phase2?.countsMessageIDs == true
        let messageID = isCounting ? UInt32(quickModeIDs.count) + 1 : entropy.integer(in: 1...UInt32.max)
        quickModeIDs.append(messageID)
        return messageID
    }

    var quickModeGroup: DiffieHellmanGroup? {
        switch settings.phase2?.keyExchange {
        case nil: settings.pfsGroup
        case .some(.none): nil
        case .group(let group): group
        case .asInPhaseOne: ikeTransform?.group
        }
    }

    /// Message 1 of quick mode, complete.
    func phase2Offer(spi: UInt32) -> IKEv1.SAPayload {
        guard var offer = settings.phase2?.offer else {
            let proposal = Offer.phase2(
                settings.espOffer,
                spi: spi,
                isEncapsulated: isNATFound,
                pfs: settings.pfsGroup
            )
            return IKEv1.SAPayload(proposals: [proposal])
        }
        for index in offer.proposals.indices {
            offer.proposals[index].spi = Self.bytes(spi)
            for place in offer.proposals[index].transforms.indices {
                complete(&offer.proposals[index].transforms[place])
            }
        }
        return offer
    }

    private func complete(_ transform: inout IKEv1.Transform) {
        if isNATFound, let mode = natTraversal?.udpTransport,
            let place = transform.attributes.firstIndex(where: { $0.type == 4 })
        {
            transform.attributes[place] = IKEv1.Attribute(4, mode)
        }
        if let group = quickModeGroup { transform.attributes.append(IKEv1.Attribute(3, group.rawValue)) }
    }

    /// The same for quick mode.
    func espTransform(answeredWith proposal: IKEv1.Proposal, to offer: IKEv1.SAPayload) -> ESPTransform? {
        guard let chosen = proposal.transforms.first, proposal.transforms.count == 1,
            offer.proposals.contains(where: { $0.number == proposal.number && $0.transforms.contains(chosen) })
        else { return nil }
        guard settings.phase2 == nil else { return espTransform(chosen) }
        let place = Int(chosen.number) - 1
        return settings.espOffer.indices.contains(place) ? settings.espOffer[place] : nil
    }

    /// As its own kernel carries it.
    func espTransform(_ transform: IKEv1.Transform) -> ESPTransform? {
        var known = AnsweredTransform.esp(transform)
        if settings.phase2?.truncatesSHA256To96 == true, known?.integrity == .hmacSHA256_128 {
            known?.integrity = .hmacSHA256_96
        }
        return known
    }

    /// Begins phase 1 in the mode that this client has.
    package mutating func dial(at now: MonotonicTime) -> [Outgoing] {
        settings.groupName == nil ? start(at: now) : startAggressive(at: now)
    }

    /// What was offered is refused: offers something else, if it has it.
    mutating func dialAgain(at now: MonotonicTime) -> [Outgoing] {
        guard keys == nil, let offers = settings.phase1?.offers, attempt + 1 < offers.count else { return [] }
        attempt += 1
        cookieR = .zero
        port = .ike
        return dial(at: now)
    }
}
