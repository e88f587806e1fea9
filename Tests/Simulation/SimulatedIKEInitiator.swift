// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import DataPlane
package import IKE
package import Primitives

/// A client's IKEv1: main mode with a pre-shared key, quick mode from both sides, rekeying, R-U-THERE, goodbye.
/// Written apart from the gateway's, so that the two check each other; only the payload codecs are shared.
///
/// It keeps one request outstanding and repeats it every two seconds, five times at most, unless a client of a certain
/// make has it otherwise.
package struct SimulatedIKEInitiator {
    package struct Settings {
        package var preSharedKey: [UInt8]
        package var ikeOffer: [IKETransform]
        package var espOffer: [ESPTransform]
        /// Group of quick mode's own key exchange; `nil` for none.
        package var pfsGroup: DiffieHellmanGroup?
        /// Address and port as the client itself sees them.
        package var ownAddress: SocketAddress
        /// The gateway as the client dials it.
        package var gateway: SocketAddress
        package var vendorIDs: [[UInt8]] = [SimulatedIKEInitiator.rfc3947]
        /// Whether R-U-THERE is answered; the gateway asks only if ``vendorIDs`` has ``deadPeerDetection``.
        package var answersProbes = true
        /// Whether the gateway's own quick modes are answered.
        package var answersQuickModes = true
        /// INITIAL-CONTACT stands in message 5.
        package var sendsInitialContact = false
        /// Of its L2TP packets, and of IDci unless ``phase2`` says otherwise.
        package var trafficPort: UInt16 = 1701
        /// ID_KEY_ID of aggressive mode.
        package var groupName: [UInt8]?
        /// As a client of a certain make has it; ``ikeOffer`` does not count then.
        package var phase1: ClientVector.PhaseOne?
        /// The same for ``espOffer`` and ``pfsGroup``.
        package var phase2: ClientVector.PhaseTwo?

        package init(
            preSharedKey: [UInt8],
            ikeOffer: [IKETransform],
            espOffer: [ESPTransform],
            ownAddress: SocketAddress,
            gateway: SocketAddress
        ) {
            self.preSharedKey = preSharedKey
            self.ikeOffer = ikeOffer
            self.espOffer = espOffer
            self.ownAddress = ownAddress
            self.gateway = gateway
        }
    }

    /// What is put on the wire, and on which of the two ports.
    package struct Outgoing: Hashable, Sendable {
        package var bytes: [UInt8]
        package var port: Datagram.Port
    }

    /// What quick mode agreed on, from this end.
    package struct Child: Hashable, Sendable {
        package var outboundSPI: ESPSPI
        package var inboundSPI: ESPSPI
        package var transform: ESPTransform
        package var outboundKey: [UInt8]
        package var inboundKey: [UInt8]
        package var isEncapsulated: Bool
        /// Of quick mode's own key exchange.
        package var group: DiffieHellmanGroup?
        /// The encapsulation mode, as a number.
        package var encapsulation: UInt16?
    }

    package enum State: Hashable, Sendable {
        case idle
        case waitSA
        case waitKeyExchange
        case waitIdentity
        case waitQuickMode
        case established
        case closed
        case failed(String)
    }

    package static let rfc3947: [UInt8] = [
        0x4A, 0x13, 0x1C, 0x81, 0x07, 0x03, 0x58, 0x45, 0x5C, 0x57, 0x28, 0xF2, 0x0E, 0x95, 0x45, 0x2F,
    ]

    /// Announces RFC 3706.
    package static let deadPeerDetection: [UInt8] = [
        0xAF, 0xCA, 0xD7, 0x13, 0x68, 0xA1, 0xF1, 0xC9, 0x6B, 0x86, 0x96, 0xFC, 0x77, 0x57, 0x01, 0x00,
    ]

    package var settings: Settings
    package internal(set) var state = State.idle
    /// The last one is that to send under.
    package internal(set) var children: [Child] = []
    package internal(set) var gatewayVendorIDs: [[UInt8]] = []
    package internal(set) var isNATFound = false
    package internal(set) var nextDeadline: MonotonicTime?
    /// Chosen in main mode.
    package internal(set) var ikeTransform: IKETransform?

    let entropy: any EntropySource
    var port = Datagram.Port.ike
    private var outstanding: [UInt8] = []
    private var repeats = 0
    var cookieI = Cookie.zero
    var cookieR = Cookie.zero
    var saBody: [UInt8] = []
    var nonceI: [UInt8] = []
    var keyAgreement: KeyAgreement?
    var publicR: [UInt8] = []
    var keys: Phase1Keys?
    private var quickMode: QuickMode?
    /// Of the offers of ``Settings/phase1`` the one that is tried.
    var attempt = 0
    /// Of the quick modes that it began under this IKE SA.
    package internal(set) var quickModeIDs: [UInt32] = []
    /// How NAT traversal is spoken with this gateway; `nil` if it is not.
    var natTraversal: NATTraversalNumbers?
    /// IKE SAs that a newer one has replaced and that are not deleted yet.
    var formers: [Former] = []
    /// Quick modes that the gateway began, by message id.
    var answers: [UInt32: AnsweredQuickMode] = [:]
    /// What is done once the SA under negotiation stands.
    var afterwards = Afterwards()
    /// R-U-THERE of the gateway that were answered, and answers to ours.
    package internal(set) var probesAnswered = 0
    package internal(set) var answersHeard = 0
    var lastProbe: UInt32 = 0

    package init(_ settings: Settings, entropy: any EntropySource) {
        self.settings = settings
        self.entropy = entropy
    }

    package mutating func start(at now: MonotonicTime) -> [Outgoing] {
        cookieI = Cookie(rawValue: entropy.integer())
        quickModeIDs = []
        let payload = Payload(.securityAssociation, phase1Offer)
        saBody = Array(payload.body)
        state = .waitSA
        let message = Message(
            header: ISAKMPHeader(
                initiatorCookie: cookieI,
                responderCookie: .zero,
                exchange: .identityProtection
            ),
            payloads: [payload] + settings.vendorIDs.map { Payload(.vendorID, $0) }
        )
        return ask(message.encode(), at: now)
    }

    /// A new pair of ESP SAs under the same IKE SA.
    package mutating func startQuickMode(at now: MonotonicTime) -> [Outgoing] {
        guard let keys else { return [] }
        let messageID = takeMessageID()
        let spi = entropy.integer(in: 256...UInt32.max)
        let quick = QuickMode(
            messageID: messageID,
            spi: spi,
            nonce: entropy.bytes(settings.phase2?.nonceLength ?? 32),
            keyAgreement: quickModeGroup.flatMap { try? KeyAgreement($0) },
            offer: phase2Offer(spi: spi)
        )
        quickMode = quick
        state = .waitQuickMode
        var payloads = [
            Payload(.securityAssociation, quick.offer),
            Payload(.nonce, quick.nonce),
        ]
        if let agreement = quick.keyAgreement { payloads.append(Payload(.keyExchange, agreement.publicValue)) }
        payloads.append(
            Payload(
                .identification,
                IKEv1.IDPayload(
                    settings.ownAddress.address,
                    protocolNumber: 17,
                    port: settings.phase2?.trafficPort == .any ? 0 : settings.trafficPort
                )
            )
        )
        payloads.append(
            Payload(
                .identification,
                IKEv1.IDPayload(settings.gateway.address, protocolNumber: 17, port: 1701)
            )
        )
        if isNATFound, let natTraversal {
            let addresses = [settings.ownAddress.address, settings.gateway.address]
            for address in addresses.prefix(settings.phase2?.originalAddresses ?? 2) {
                payloads.append(Payload(natTraversal.originalAddress, IKEv1.NATOAPayload(address: address)))
            }
        }
        var iv = keys.initialVector(messageID: quick.messageID)
        let bytes = seal(payloads, messageID: quick.messageID, hashing: [], exchange: .quickMode, keys: keys, iv: &iv)
        quickMode?.iv = iv
        return ask(bytes, at: now)
    }

    /// Delete for every child and the IKE SA.
    package mutating func close(at now: MonotonicTime) -> [Outgoing] {
        guard let keys, state != .closed else { return [] }
        state = .closed
        nextDeadline = nil
        var deletes: [IKEv1.DeletePayload] = children.map { child in
            IKEv1.DeletePayload(protocolID: .esp, spis: [Self.bytes(child.inboundSPI.rawValue)])
        }
        deletes.append(IKEv1.DeletePayload(protocolID: .isakmp, spis: [cookieI.bytes + cookieR.bytes]))
        children = []
        formers = []
        return deletes.map { informational(Payload(.delete, $0), keys: keys) }
    }

    package mutating func advance(to now: MonotonicTime) -> [Outgoing] {
        guard let deadline = nextDeadline, deadline <= now else { return [] }
        guard repeats < settings.phase1?.mostRepeats ?? 5 else {
            nextDeadline = nil
            state = .failed("no answer")
            return []
        }
        repeats += 1
        nextDeadline = now.advanced(by: settings.phase1?.repeatsEvery ?? .seconds(2))
        return [Outgoing(bytes: outstanding, port: port)]
    }

    /// - Parameter bytes: As on the wire, marker included on the NAT traversal port.
    package mutating func receive(_ bytes: [UInt8], on port: Datagram.Port, at now: MonotonicTime) -> [Outgoing] {
        let payload = port == .natTraversal ? Array(bytes.dropFirst(4)) : bytes
        var reader = ByteReader(payload)
        guard let header = try? ISAKMPHeader(from: &reader) else { return [] }
        guard header.initiatorCookie == cookieI else { return receiveUnderFormer(header, bytes, on: port, at: now) }
        if header.exchange == .informational { return receiveInformational(header, payload, at: now) }
        if header.exchange == .quickMode { return receiveQuickMode(header, payload, at: now) }
        switch state {
        case .waitSA: return receiveSA(payload, at: now)
        case .waitKeyExchange: return receiveKeyExchange(payload, at: now)
        case .waitIdentity: return receiveIdentity(header, payload, at: now)
        case .idle, .waitQuickMode, .established, .closed, .failed: return []
        }
    }

    private mutating func receiveSA(_ bytes: [UInt8], at now: MonotonicTime) -> [Outgoing] {
        guard let message = decode(bytes), let sa = try? message.chain.only(.securityAssociation),
            let answer = try? IKEv1.SAPayload(sa), let transform = ikeTransform(answeredWith: answer)
        else { return [] }
        ikeTransform = transform
        cookieR = message.header.responderCookie
        gatewayVendorIDs = message.chain.all(.vendorID).map { Array($0) }
        guard let agreement = try? KeyAgreement(transform.group) else { return [] }
        keyAgreement = agreement
        nonceI = entropy.bytes(nonceLength)
        state = .waitKeyExchange
        natTraversal = NATTraversalNumbers(announced: settings.vendorIDs, answered: gatewayVendorIDs)
        let detections = natTraversal.map { numbers in
            [settings.gateway, settings.ownAddress].map { Payload(numbers.discovery, natHash($0, transform.hash)) }
        }
        let reply = Message(
            header: header(.identityProtection),
            payloads: [Payload(.keyExchange, agreement.publicValue), Payload(.nonce, nonceI)]
                + (detections ?? [])
        )
        return ask(reply.encode(), at: now)
    }

    private mutating func receiveKeyExchange(_ bytes: [UInt8], at now: MonotonicTime) -> [Outgoing] {
        guard let message = decode(bytes), let transform = ikeTransform, let agreement = keyAgreement,
            let publicR = try? message.chain.only(.keyExchange), let nonceR = try? message.chain.only(.nonce),
            let shared = try? agreement.sharedSecret(peerPublicValue: Array(publicR))
        else { return [] }
        let found = natTraversal.map { message.chain.all($0.discovery).map { Array($0) } } ?? []
        if found.count >= 2 {
            let isOwnSeen = found[0] == natHash(settings.ownAddress, transform.hash)
            let isGatewaySeen = found.dropFirst().contains(natHash(settings.gateway, transform.hash))
            isNATFound = !isOwnSeen || !isGatewaySeen
            if isNATFound { port = .natTraversal }
        }
        self.publicR = Array(publicR)
        var keys = Phase1Keys(
            transform: transform,
            preSharedKey: settings.preSharedKey,
            nonces: nonceI + Array(nonceR),
            shared: shared,
            cookies: cookieI.bytes + cookieR.bytes,
            publicI: agreement.publicValue,
            publicR: self.publicR
        )
        let identity = Payload(.identification, identity)
        let hash = keys.skeyid.authenticate(
            agreement.publicValue,
            self.publicR,
            cookieI.bytes,
            cookieR.bytes,
            saBody,
            Array(identity.body)
        )
        state = .waitIdentity
        var message5 = Message(header: header(.identityProtection), payloads: [identity, Payload(.hash, hash)])
        message5.header.flags = .encryption
        if settings.sendsInitialContact {
            message5.chain = PayloadChain(message5.chain.payloads + [initialContact])
        }
        let sealed = keys.encrypt(message5, iv: &keys.iv)
        self.keys = keys
        return ask(sealed, at: now)
    }

    private mutating func receiveIdentity(
        _ header: ISAKMPHeader,
        _ bytes: [UInt8],
        at now: MonotonicTime
    ) -> [Outgoing] {
        guard header.flags.contains(.encryption), let agreement = keyAgreement, var keys,
            let message = keys.decrypt(bytes, iv: &keys.iv),
            let identity = try? message.chain.only(.identification), let hash = try? message.chain.only(.hash)
        else { return [] }
        let expected = keys.skeyid.authenticate(
            publicR,
            agreement.publicValue,
            cookieR.bytes,
            cookieI.bytes,
            saBody,
            Array(identity)
        )
        guard expected == Array(hash) else {
            state = .failed("the gateway does not know the pre-shared key")
            return []
        }
        self.keys = keys
        return finishPhaseOne(at: now)
    }

    /// The IKE SA stands.
    mutating func finishPhaseOne(at now: MonotonicTime) -> [Outgoing] {
        var outgoing: [Outgoing] = []
        if let keys, settings.phase1?.announcesItselfAfterwards == true, formers.isEmpty {
            outgoing.append(informational(initialContact, keys: keys))
        }
        guard afterwards.withoutChild else { return outgoing + startQuickMode(at: now) }
        state = .established
        nextDeadline = nil
        return outgoing + finishRekeying()
    }

    private mutating func receiveQuickMode(
        _ header: ISAKMPHeader,
        _ bytes: [UInt8],
        at now: MonotonicTime
    ) -> [Outgoing] {
        guard var quick = quickMode, header.messageID == quick.messageID, let keys, var iv = quick.iv else {
            return receiveForeignQuickMode(header, bytes)
        }
        if quick.isDone { return [Outgoing(bytes: outstanding, port: port)] }
        guard let message = keys.decrypt(bytes, iv: &iv), let nonceR = try? message.chain.only(.nonce),
            let sa = try? message.chain.only(.securityAssociation), let hash = message.chain.payloads.first,
            let proposal = (try? IKEv1.SAPayload(sa))?.proposals.first, let chosen = proposal.transforms.first,
            let transform = espTransform(answeredWith: proposal, to: quick.offer),
            let outbound = ESPSPI(rawValue: proposal.spi.reduce(0) { $0 << 8 | UInt32($1) }),
            let inbound = ESPSPI(rawValue: quick.spi)
        else { return [] }
        let rest = Self.encode(Array(message.chain.payloads.dropFirst()))
        let expected = keys.skeyidA.authenticate(Self.bytes(quick.messageID), quick.nonce, rest)
        guard hash.type == .hash, expected == Array(hash.body) else { return [] }
        var shared: SecretBytes?
        if let agreement = quick.keyAgreement {
            guard let publicR = try? message.chain.only(.keyExchange) else { return [] }
            shared = try? agreement.sharedSecret(peerPublicValue: Array(publicR))
        }
        let length = transform.encryptionKeyLength + transform.integrityKeyLength
        let nonces = quick.nonce + Array(nonceR)
        children.append(
            Child(
                outboundSPI: outbound,
                inboundSPI: inbound,
                transform: transform,
                outboundKey: keys.keyMaterial(shared, spi: outbound.rawValue, nonces: nonces, count: length),
                inboundKey: keys.keyMaterial(shared, spi: inbound.rawValue, nonces: nonces, count: length),
                isEncapsulated: isNATFound,
                group: quick.keyAgreement?.group,
                encapsulation: AnsweredTransform.encapsulation(chosen)
            )
        )
        state = .established
        let hash3 = keys.skeyidA.authenticate([0], Self.bytes(quick.messageID), nonces)
        var message3 = Message(
            header: self.header(.quickMode, messageID: quick.messageID),
            payloads: [Payload(.hash, hash3)]
        )
        message3.header.flags = .encryption
        let sealed = keys.encrypt(message3, iv: &iv)
        quick.isDone = true
        quickMode = quick
        outstanding = withMarker(sealed)
        nextDeadline = nil
        return [Outgoing(bytes: outstanding, port: port)] + finishRekeying()
    }

    mutating func receiveInformational(
        _ header: ISAKMPHeader,
        _ bytes: [UInt8],
        at now: MonotonicTime
    ) -> [Outgoing] {
        let message: Message?
        if header.flags.contains(.encryption) {
            guard let keys else { return [] }
            var iv = keys.initialVector(messageID: header.messageID)
            message = keys.decrypt(bytes, iv: &iv)
            guard let message, let hash = message.chain.payloads.first, hash.type == .hash else { return [] }
            let rest = Self.encode(Array(message.chain.payloads.dropFirst()))
            guard keys.skeyidA.authenticate(Self.bytes(header.messageID), rest) == Array(hash.body) else { return [] }
        } else {
            message = decode(bytes)
        }
        let isProtected = header.flags.contains(.encryption)
        let answers = isProtected ? message.map { receiveProbes(in: $0) } ?? [] : []
        for body in message?.chain.all(.notification) ?? [] {
            guard let notification = try? IKEv1.NotificationPayload(body), notification.type.isError else { continue }
            state = .failed("\(notification.type)")
            nextDeadline = nil
        }
        for body in message?.chain.all(.delete) ?? [] {
            guard let delete = try? IKEv1.DeletePayload(body) else { continue }
            if delete.protocolID == .isakmp {
                state = .closed
                nextDeadline = nil
                children = []
            } else {
                children.removeAll { child in delete.spis.contains(Self.bytes(child.outboundSPI.rawValue)) }
            }
        }
        return answers
    }

    private struct QuickMode {
        let messageID: UInt32
        let spi: UInt32
        let nonce: [UInt8]
        let keyAgreement: KeyAgreement?
        let offer: IKEv1.SAPayload
        var iv: [UInt8]?
        var isDone = false
    }

    mutating func ask(_ bytes: [UInt8], at now: MonotonicTime) -> [Outgoing] {
        outstanding = withMarker(bytes)
        repeats = 0
        nextDeadline = now.advanced(by: settings.phase1?.repeatsEvery ?? .seconds(2))
        return [Outgoing(bytes: outstanding, port: port)]
    }

    func withMarker(_ bytes: [UInt8]) -> [UInt8] {
        port == .natTraversal ? [0, 0, 0, 0] + bytes : bytes
    }

    func informational(_ payload: Payload, keys: Phase1Keys) -> Outgoing {
        let messageID = entropy.integer(in: 1...UInt32.max)
        var iv = keys.initialVector(messageID: messageID)
        let bytes = seal(
            [payload],
            messageID: messageID,
            hashing: [],
            exchange: .informational,
            keys: keys,
            iv: &iv
        )
        return Outgoing(bytes: withMarker(bytes), port: port)
    }

    func seal(
        _ payloads: [Payload],
        messageID: UInt32,
        hashing extra: [UInt8],
        exchange: ExchangeType,
        keys: Phase1Keys,
        iv: inout [UInt8]
    ) -> [UInt8] {
        let hash = keys.skeyidA.authenticate(Self.bytes(messageID), extra, Self.encode(payloads))
        var message = Message(
            header: header(exchange, messageID: messageID),
            payloads: [Payload(.hash, hash)] + payloads
        )
        message.header.flags = .encryption
        return keys.encrypt(message, iv: &iv)
    }

    func header(_ exchange: ExchangeType, messageID: UInt32 = 0) -> ISAKMPHeader {
        ISAKMPHeader(
            initiatorCookie: cookieI,
            responderCookie: cookieR,
            exchange: exchange,
            messageID: messageID
        )
    }

    func decode(_ bytes: [UInt8]) -> Message? {
        var reader = ByteReader(bytes)
        return try? Message(from: &reader)
    }

    func natHash(_ address: SocketAddress, _ hash: HashAlgorithm) -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(address.port)
        return Hash.digest(hash, cookieI.bytes, cookieR.bytes, address.address.bytes, writer.bytes)
    }

    static func bytes(_ value: UInt32) -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(value)
        return writer.bytes
    }

    static func encode(_ payloads: [Payload]) -> [UInt8] {
        var writer = ByteWriter()
        PayloadChain(payloads).encode(into: &writer)
        return writer.bytes
    }
}
