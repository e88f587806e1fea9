// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import Primitives

extension IKEv1 {
    /// Message 1 of aggressive mode, its offer not looked into yet.
    ///
    /// - SeeAlso: RFC 2409 §5.4
    struct AggressiveRequest: Sendable {
        /// SAi_b, which both hashes cover.
        let saBody: [UInt8]
        let publicValue: [UInt8]
        let nonce: [UInt8]
        let identity: IDPayload
        /// IDii_b, which HASH_I covers.
        let identityBody: [UInt8]
        let natTraversal: NATTraversal?
        /// The peer announced RFC 3706.
        let isAnsweringProbes: Bool
        let vendorIDs: VendorIDs

        init(_ chain: PayloadChain) throws(DecodeError) {
            saBody = Array(try chain.only(.securityAssociation))
            publicValue = Array(try chain.only(.keyExchange))
            nonce = Array(try chain.only(.nonce))
            guard ResponderSA.nonceLengths.contains(nonce.count) else { throw .invalidLength(nonce.count) }
            identityBody = Array(try chain.only(.identification))
            identity = try IDPayload(identityBody[...])
            let announced = chain.all(.vendorID)
            natTraversal = NATTraversal(announced: announced)
            isAnsweringProbes = announced.contains { $0.elementsEqual(VendorID.deadPeerDetection) }
            vendorIDs = VendorIDs(announced)
        }
    }
}

extension IKEv1.SAPayload {
    /// The key exchange came with the offer, so that the group is chosen already: what is left are transforms whose
    /// public values have this length, which no two groups share. An offer with one group is left as it is.
    func fitting(publicValueLength length: Int) -> IKEv1.SAPayload {
        let groups = Set(proposals.flatMap(\.transforms).map(\.group))
        guard groups.count > 1 else { return self }
        var fitting = self
        fitting.proposals = proposals.compactMap { proposal in
            var proposal = proposal
            proposal.transforms.removeAll { $0.group?.publicValueLength != length }
            return proposal.transforms.isEmpty ? nil : proposal
        }
        return fitting
    }
}

extension IKEv1.Transform {
    fileprivate var group: DiffieHellmanGroup? {
        attributes.first { $0.type == IKEv1.IKEAttribute.group }?.number.flatMap { UInt16(exactly: $0) }
            .flatMap(DiffieHellmanGroup.init(rawValue:))
    }
}

extension IKEv1.ResponderSA {
    /// Message 2 of aggressive mode is on its way.
    package struct WaitHash: Sendable {
        let offered: IKEv1.SAPayload
        let transform: IKETransform
        /// As the peer asked for it.
        let lifetime: Duration
        /// SAi_b.
        let saBody: [UInt8]
        let identity: IKEv1.IDPayload
        /// IDii_b.
        let identityBody: [UInt8]
        let client: Client
        /// Of the pre-shared key that message 2 was made with.
        let keyIndex: Int
        /// As the peer announced it: its NAT-D payloads come with message 3.
        let natTraversal: NATTraversal?
        let isAnsweringProbes: Bool
        let keys: IKEv1.PhaseOneKeys
        let cipher: CBCContext
        let initiatorPublic: [UInt8]
        let responderPublic: [UInt8]
        let deadline: MonotonicTime

        /// Computes the key agreement, which is to be paid for first.
        ///
        /// - Parameters:
        ///   - offer: That of the request.
        ///   - message: Becomes message 2.
        /// - Throws: ``CryptographyError/invalidPublicValue`` for a point that is on no curve, among others.
        init(
            _ request: IKEv1.AggressiveRequest,
            _ offer: IKEv1.SAPayload,
            _ client: Client,
            _ choice: IKEv1.PhaseOneChoice,
            _ key: (index: Int, secret: SecretBytes),
            _ cookies: IKEv1.CookiePair,
            _ path: IKEv1.Path,
            deadline: MonotonicTime,
            entropy: any EntropySource,
            message: inout [UInt8]
        ) throws(CryptographyError) {
            let ours = try KeyAgreement(choice.transform.group)
            let nonce = entropy.bytes(IKEv1.ResponderSA.nonceLength)
            keys = IKEv1.PhaseOneKeys(
                transform: choice.transform,
                preSharedKey: key.secret,
                initiatorNonce: request.nonce,
                responderNonce: nonce,
                sharedSecret: try ours.sharedSecret(peerPublicValue: request.publicValue),
                cookies: cookies
            )
            cipher = try CBCContext(choice.transform.blockCipher, key: keys.encryptionKey)
            offered = offer
            transform = choice.transform
            lifetime = choice.lifetime
            saBody = request.saBody
            identity = request.identity
            identityBody = request.identityBody
            self.client = client
            keyIndex = key.index
            natTraversal = request.natTraversal
            isAnsweringProbes = request.isAnsweringProbes
            initiatorPublic = request.publicValue
            responderPublic = ours.publicValue
            self.deadline = deadline
            let ourIdentity = Payload(
                .identification,
                IKEv1.IDPayload(path.local.address, protocolNumber: 0, port: 0)
            )
            let proof = keys.hashR(
                initiatorPublic: initiatorPublic,
                responderPublic: responderPublic,
                cookies: cookies,
                saBody: saBody,
                identityBody: Array(ourIdentity.body)
            )
            var payloads = [
                Payload(.securityAssociation, choice.answer), Payload(.keyExchange, responderPublic),
                Payload(.nonce, nonce), ourIdentity,
            ]
            if let natTraversal { payloads.append(Payload(.vendorID, natTraversal.vendorID)) }
            payloads.append(Payload(.vendorID, VendorID.deadPeerDetection))
            if let natTraversal {
                for address in [path.peer, path.local] {
                    let hash = NATTraversal.discoveryHash(transform.hash, cookies: cookies, address: address)
                    payloads.append(Payload(natTraversal.discoveryPayload, hash))
                }
            }
            payloads.append(Payload(.hash, proof))
            let header = ISAKMPHeader(
                initiatorCookie: cookies.initiator,
                responderCookie: cookies.responder,
                exchange: .aggressive
            )
            message = Message(header: header, payloads: payloads).encode()
        }
    }

    /// - Parameters:
    ///   - arrival: Message 1 of aggressive mode.
    ///   - message: Message 2.
    init(
        id: IKESAID,
        trace: TraceID,
        cookies: IKEv1.CookiePair,
        profile: Int,
        _ phase: WaitHash,
        _ arrival: IKEv1.Arrival,
        message: [UInt8]
    ) {
        self.id = id
        self.trace = trace
        self.cookies = cookies
        self.profile = profile
        path = arrival.path
        origin = arrival.path.peer
        // With keys alone no message becomes long.
        isFragmenting = false
        answer = IKEv1.Answer(fingerprint: arrival.fingerprint, message: message, sent: arrival.now)
        state = .waitHash(phase)
    }

    /// Message 3: the peer has returned our cookie.
    mutating func receiveHash(
        _ arrival: IKEv1.Arrival,
        in phase: WaitHash,
        _ surroundings: inout Surroundings
    ) -> (State, [IKEv1.Effect]) {
        // Another first message, or somebody to whom we have not sent our cookie.
        guard !arrival.header.responderCookie.isZero, arrival.path.peer.address == path.peer.address else {
            return (state, [])
        }
        let started = report(.started(profile: acceptance(surroundings).profile.name))
        let (next, effects) = prove(arrival, in: phase, &surroundings)
        return (next, [started] + effects)
    }

    /// Message 3 may be encrypted or not: both are usual. What is in clear and the hash does not cover counts for
    /// nothing, but for NAT-D: a lie about a NAT makes ESP travel in UDP, or not arrive.
    private mutating func prove(
        _ arrival: IKEv1.Arrival,
        in phase: WaitHash,
        _ surroundings: inout Surroundings
    ) -> (State, [IKEv1.Effect]) {
        let profile = acceptance(surroundings).profile
        let isEncrypted = arrival.header.flags.contains(.encryption)
        var lastBlock = IKEv1.phaseOneIV(
            transform: phase.transform,
            initiatorPublic: phase.initiatorPublic,
            responderPublic: phase.responderPublic
        )
        let chain: PayloadChain
        do throws(DecodeError) {
            if isEncrypted {
                let opened = try IKEv1.open(arrival.header, arrival.body, with: phase.cipher, iv: lastBlock)
                chain = opened.chain
                lastBlock = opened.nextIV
            } else {
                chain = try arrival.chain()
            }
            let expected = phase.keys.hashI(
                initiatorPublic: phase.initiatorPublic,
                responderPublic: phase.responderPublic,
                cookies: cookies,
                saBody: phase.saBody,
                identityBody: phase.identityBody
            )
            guard expected.equalsInConstantTime(try chain.only(.hash)) else {
                throw .invalidValue(field: "HASH_I", value: 0)
            }
        } catch {
            return refuseProof(
                .authenticationFailed(.preSharedKeyDiffers, profile: profile.name),
                arrival,
                &surroundings
            )
        }
        let finding = finding(in: chain, arrival, phase)
        path = arrival.path
        answer = IKEv1.Answer(fingerprint: arrival.fingerprint, message: [], sent: arrival.now)
        let lifetime = IKEv1.lifetime(phase.lifetime, atMost: profile.longestIKELifetime)
        let agreed = Agreed(
            keys: phase.keys,
            offered: phase.offered,
            transform: phase.transform,
            natTraversal: finding == nil ? nil : phase.natTraversal,
            nat: finding ?? NATFinding(),
            identity: phase.identity,
            client: phase.client,
            keyIndex: phase.keyIndex,
            isAnsweringProbes: phase.isAnsweringProbes,
            lifetime: lifetime
        )
        var (next, effects) = establish(agreed, lastBlock: lastBlock, at: arrival.now, &surroundings)
        // A peer of aggressive mode answers no main mode of ours.
        next.renewal.leaveToPeer()
        if isEncrypted {
            next.isInitialContact = IKEv1.isInitialContact(chain)
            effects += notifications(in: chain)
        }
        if lifetime < phase.lifetime {
            let notification = IKEv1.responderLifetime(lifetime, protocolID: .isakmp, spi: cookies.bytes)
            let message = protected([notification], in: &next, surroundings)
            effects += message.map { [.transmit(path.datagram($0))] } ?? []
        }
        return (.established(next), effects)
    }

    /// The peer went on to quick mode, so its message 3 is late or lost. It sends that again when message 2 comes
    /// again, and only who has read that knows our cookie.
    mutating func receiveEarlyQuickMode(_ arrival: IKEv1.Arrival) -> (State, [IKEv1.Effect]) {
        var effects = [report(.unexpectedMessage(.quickMode, "phase 1 is not done"))]
        if let message = answer?.message, message.count <= 3 * arrival.length,
            arrival.path.peer.address == path.peer.address
        {
            effects += answer?.again(at: arrival.now, over: arrival.path, unlimited: false) ?? []
        }
        return (state, effects)
    }

    /// Where NATs are. Some peers compute the hashes for the ports of message 1 and some for those of message 3, which
    /// has moved to 4500 if message 2 told them of a NAT: either will do.
    private func finding(in chain: PayloadChain, _ arrival: IKEv1.Arrival, _ phase: WaitHash) -> NATFinding? {
        guard let natTraversal = phase.natTraversal else { return nil }
        let payloads = chain.all(natTraversal.discoveryPayload)
        let findings = [arrival.path, path].compactMap { path in
            NATFinding(
                payloads: payloads,
                hash: phase.transform.hash,
                cookies: cookies,
                local: path.local,
                peer: path.peer
            )
        }
        guard var finding = findings.first else { return nil }
        finding.isLocalBehindNAT = findings.allSatisfy(\.isLocalBehindNAT)
        finding.isPeerBehindNAT = findings.allSatisfy(\.isPeerBehindNAT)
        return finding
    }
}
