// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import DataPlane
internal import Primitives

extension IKEv1 {
    /// The transform we take from a phase 2 offer.
    package struct PhaseTwoChoice: Hashable, Sendable {
        /// As it is installed: HMAC-SHA2-256 of the length that the client makes it.
        package var transform: ESPTransform
        /// The one the peer chose: that of packets to it.
        package var peerSPI: ESPSPI
        package var isEncapsulated: Bool
        /// `nil` without perfect forward secrecy.
        package var group: DiffieHellmanGroup?
        /// What the peer asked for; 28,800 s if it did not say.
        ///
        /// - SeeAlso: RFC 2407 §4.5
        package var lifetime: Duration
        package var lifetimeKilobytes: UInt64?
        /// The answer's proposal but for the SPI, which is ours to choose.
        package var answer: Proposal
    }

    /// What the IKE SA has to say about an offer.
    package struct PhaseTwoCircumstances: Hashable, Sendable {
        /// A NAT was found: ESP has to travel in UDP whatever the offer calls it.
        package var isNATPresent: Bool
        /// The exchange runs on port 4500.
        package var isOnNATTraversalPort: Bool

        package init(isNATPresent: Bool, isOnNATTraversalPort: Bool) {
            self.isNATPresent = isNATPresent
            self.isOnNATTraversalPort = isOnNATTraversalPort
        }
    }

    /// Compares every transform of every ESP proposal that stands alone under its number with what the
    /// profile accepts, in our order of preference.
    package static func choose(
        from offer: SAPayload,
        _ acceptance: Acceptance,
        _ circumstances: PhaseTwoCircumstances
    ) throws(ProposalMismatch) -> PhaseTwoChoice {
        var best: (rank: Int, candidate: PhaseTwoCandidate, proposal: Proposal, transform: Transform)?
        for (proposal, isBundle) in withBundles(offer) {
            guard proposal.protocolID == .esp, !isBundle, espSPI(proposal.spi) != nil else { continue }
            for transform in proposal.transforms {
                let candidate = PhaseTwoCandidate(transform)
                guard candidate.isAcceptable(acceptance, circumstances), let algorithms = candidate.algorithms,
                    let rank = acceptance.rank(of: algorithms)
                else { continue }
                if let best, best.rank <= rank { continue }
                best = (rank, candidate, proposal, transform)
            }
        }
        guard let best, let algorithms = best.candidate.algorithms, let peerSPI = espSPI(best.proposal.spi) else {
            throw mismatch(of: offer, acceptance, circumstances)
        }
        var answer = best.proposal
        answer.transforms = [best.transform]
        return PhaseTwoChoice(
            transform: acceptance.installed(algorithms),
            peerSPI: peerSPI,
            isEncapsulated: best.candidate.isUDP || circumstances.isNATPresent && circumstances.isOnNATTraversalPort,
            group: best.candidate.knownGroup,
            lifetime: .seconds(Int64(clamping: min(best.candidate.lifetimeSeconds ?? 28_800, 1 << 31))),
            lifetimeKilobytes: best.candidate.lifetimeKilobytes,
            answer: answer
        )
    }

    /// As ``names(of:_:)`` has it, but for HMAC-SHA2-256, whose length is said too.
    static func name(of choice: PhaseTwoChoice) -> String {
        name(of: choice.transform, choice.group)
    }

    static func name(of transform: ESPTransform, _ group: DiffieHellmanGroup?) -> String {
        group.map { "\(transform)-\($0.operatorName)" } ?? "\(transform)"
    }

    /// Each proposal, and whether another one has the same number.
    private static func withBundles(_ offer: SAPayload) -> [(Proposal, Bool)] {
        var counts: [UInt8: Int] = [:]
        for proposal in offer.proposals { counts[proposal.number, default: 0] += 1 }
        return offer.proposals.map { ($0, counts[$0.number, default: 0] > 1) }
    }

    private static func espSPI(_ bytes: [UInt8]) -> ESPSPI? {
        guard bytes.count == 4 else { return nil }
        return ESPSPI(rawValue: bytes.reduce(0) { $0 << 8 | UInt32($1) })
    }

    static func phaseTwoName(of transform: Transform) -> String { PhaseTwoCandidate(transform).name }

    private static func mismatch(
        of offer: SAPayload,
        _ acceptance: Acceptance,
        _ circumstances: PhaseTwoCircumstances
    ) -> ProposalMismatch {
        var review = ProposalMismatch.Review()
        for (proposal, isBundle) in withBundles(offer) {
            for transform in proposal.transforms {
                let candidate = PhaseTwoCandidate(transform)
                let isESP = proposal.protocolID == .esp
                let name = isESP ? candidate.name : "\(proposal.protocolID)-\(transform.id)"
                var objections = isESP ? candidate.objections(acceptance, circumstances) : []
                if !isESP { objections.append(.protocolID(proposal.protocolID)) }
                if isBundle { objections.append(.bundle) }
                if espSPI(proposal.spi) == nil { objections.append(.unusableSPI(size: proposal.spi.count)) }
                review.add(name, objections)
            }
        }
        return review.mismatch(accepted: acceptance.acceptedESP.map(\.description), acceptance.client)
    }

    /// The attributes of an ESP transform, understood or not.
    private struct PhaseTwoCandidate {
        var id: UInt8
        var keyLength: UInt64?
        var integrity: UInt64?
        var encapsulation: UInt64?
        var group: UInt64?
        var lifetimeSeconds: UInt64?
        var lifetimeKilobytes: UInt64?
        /// The type of an attribute that we do not know, or that comes twice or without a number.
        var stranger: UInt16?

        init(_ transform: Transform) {
            id = transform.id
            var lifeType = IKEv1.lifeSeconds
            for attribute in transform.attributes {
                guard let number = attribute.number else {
                    stranger = attribute.type
                    continue
                }
                switch attribute.type {
                case ESPAttribute.keyLength where keyLength == nil: keyLength = number
                case ESPAttribute.authentication where integrity == nil: integrity = number
                case ESPAttribute.encapsulationMode where encapsulation == nil: encapsulation = number
                case ESPAttribute.group where group == nil: group = number
                case ESPAttribute.lifeType: lifeType = number
                case ESPAttribute.lifeDuration where number > 0:
                    if lifeType == IKEv1.lifeSeconds { lifetimeSeconds = number }
                    if lifeType == IKEv1.lifeKilobytes { lifetimeKilobytes = number }
                case ESPAttribute.lifeDuration: break
                default: stranger = attribute.type
                }
            }
        }

        var algorithms: ESPTransform? {
            guard let cipher = IKEv1.espCipher(id, keyLength: keyLength) else { return nil }
            switch (cipher, integrity) {
            case (.aesGCM16, nil):
                return ESPTransform(cipher: cipher, integrity: nil)
            case (.aesCBC, let number?), (.tripleDESCBC, let number?):
                return IKEv1.integrity(number).map { ESPTransform(cipher: cipher, integrity: $0) }
            case (.aesGCM16, _?), (.aesCBC, nil), (.tripleDESCBC, nil):
                return nil
            }
        }

        var knownGroup: DiffieHellmanGroup? {
            group.flatMap { UInt16(exactly: $0) }.flatMap(DiffieHellmanGroup.init(rawValue:))
        }

        var isUDP: Bool {
            encapsulation == EncapsulationMode.udpTransport || encapsulation == EncapsulationMode.udpTransportDraft
        }

        var name: String {
            let cipher = IKEv1.espCipherName(id, keyLength: keyLength)
            let algorithms = integrity.map { "\(cipher)-\(IKEv1.integrityName($0))" } ?? cipher
            return group.map { "\(algorithms)-\(IKEv1.groupName($0))" } ?? algorithms
        }

        /// Whether only the algorithms remain to be looked at.
        func isAcceptable(_ acceptance: Acceptance, _ circumstances: PhaseTwoCircumstances) -> Bool {
            stranger == nil && objectionToMode(circumstances) == nil && objectionToGroup(acceptance) == nil
        }

        /// Without the attribute the mode is the host's choice (RFC 2407 §4.5): ours is transport.
        func objectionToMode(_ circumstances: PhaseTwoCircumstances) -> Objection? {
            switch encapsulation {
            case nil, EncapsulationMode.transport:
                return nil
            case EncapsulationMode.udpTransport, EncapsulationMode.udpTransportDraft:
                return circumstances.isOnNATTraversalPort ? nil : .encapsulationWithoutNATTraversal
            case let mode?:
                return .encapsulationMode(mode)
            }
        }

        func objectionToGroup(_ acceptance: Acceptance) -> Objection? {
            guard let group else { return nil }
            guard let knownGroup, acceptance.acceptsPFS(with: knownGroup) else {
                let missing = acceptance.missing(of: knownGroup?.legacyAlgorithms ?? []).first
                return missing.map { .needsLegacy($0) } ?? .pfsGroup(IKEv1.groupName(group))
            }
            return nil
        }

        func objections(_ acceptance: Acceptance, _ circumstances: PhaseTwoCircumstances) -> [Objection] {
            var objections: [Objection] = []
            if let stranger { objections.append(.unknown("attribute \(stranger)")) }
            if let objection = objectionToMode(circumstances) { objections.append(objection) }
            if let objection = objectionToGroup(acceptance) { objections.append(objection) }
            guard let algorithms else {
                objections.append(.unknown(name))
                return objections
            }
            let legacy = acceptance.missing(of: algorithms.legacyAlgorithms)
            objections += legacy.map { .needsLegacy($0) }
            if legacy.isEmpty, acceptance.rank(of: algorithms) == nil {
                objections.append(.notListed(nearest: acceptance.nearest(to: algorithms)?.description))
            }
            return objections
        }
    }
}

extension Acceptance {
    /// Among what is accepted the transform with most in common.
    fileprivate func nearest(to transform: ESPTransform) -> ESPTransform? {
        func inCommon(_ other: ESPTransform) -> Int {
            (other.cipher == transform.cipher ? 1 : 0) + (other.integrity == transform.integrity ? 1 : 0)
        }
        let best = acceptedESP.map(inCommon).max()
        return acceptedESP.first { inCommon($0) == best }
    }
}
