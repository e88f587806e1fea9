// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Cryptography
internal import DataPlane
package import IKE
package import PPP
package import Primitives

extension Rehearsal {
    /// Why a client would not come in, and what would change that.
    package struct Refusal: Hashable, Sendable {
        package var layer: EventDescription.Layer
        /// Of the event, `no-proposal-chosen` say; the client's own silence has none.
        package var event: String?
        /// In which message: `main mode, message 1`.
        package var message: String
        package var reason: String
        package var offered: [String] = []
        package var accepted: [String] = []
        package var missing: [String] = []
        /// What the configuration would have to say; all of it.
        package var remedies: [Remedy] = []
        /// In words, for what no line of the configuration mends.
        package var hint: String?
    }

    /// A change of the configuration.
    package enum Remedy: Hashable, Sendable {
        /// For everybody if `clients` is `nil`.
        case allowLegacy(LegacyAlgorithm, clients: Client?)
        case proposal(IKETransform)
        case espProposal(String)
        case pfsGroup(String)
        case truncation(SHA256Truncation)
        /// Of the profile that names this group.
        case aggressiveMode(identity: String)
        /// A profile of its own for this group: identities of the one there is would keep out whoever has none.
        case groupProfile(name: String)
        case identity(String)
        case remote(IPAddress)
        case authentication(AuthenticationMethod)
        case pool
        case user(String)
    }

    /// With `remedy`, as if it stood in the file; `nil` if nothing can be put there without knowing more.
    package func mended(by remedy: Remedy) -> Rehearsal? {
        var copy = self
        let place = profileIndex
        func change(_ body: (inout Profile) -> Void) -> Rehearsal? {
            guard let place else { return nil }
            body(&copy.configuration.ike.profiles[place])
            return copy
        }
        switch remedy {
        case .allowLegacy(let algorithm, nil):
            return change { $0.allowLegacy.insert(algorithm) }
        case .allowLegacy(let algorithm, let client?):
            return change { $0.legacyGrants.append(LegacyGrant(algorithm, clients: [client])) }
        case .proposal(let transform):
            return change { $0.ikeProposals.append(transform) }
        case .espProposal(let text):
            guard let transform = ESPTransform(parsing: text) else { return nil }
            return change { $0.espProposals.append(transform) }
        case .pfsGroup(let name):
            guard let group = DiffieHellmanGroup(operatorName: name) else { return nil }
            return change { $0.pfsGroups.append(group) }
        case .truncation(let truncation):
            return change { $0.sha256Truncation = truncation }
        case .aggressiveMode(let identity):
            return change {
                $0.allowsAggressiveMode = true
                $0.identities.append(IdentityPattern(identity))
            }
        case .groupProfile(let name):
            guard let place else { return nil }
            var group = Profile(
                name: name,
                remote: configuration.ike.profiles[place].remote,
                preSharedKey: configuration.ike.profiles[place].preSharedKeys[0].secret,
                ikeProposals: Profile.l2tpClientsIKE,
                espProposals: Profile.l2tpClientsESP,
                pfsGroups: Profile.l2tpClientsPFS
            )
            group.allowsAggressiveMode = true
            group.identities = [IdentityPattern(name)]
            copy.configuration.ike.profiles.append(group)
            return copy
        case .identity(let identity):
            return change { $0.identities.append(IdentityPattern(identity)) }
        case .remote(let address):
            guard let prefix = IPPrefix(address, length: address.bitWidth), !configuration.ike.profiles.isEmpty else {
                return nil
            }
            copy.configuration.ike.profiles[0].remote?.append(prefix)
            return copy
        case .authentication(let method):
            copy.configuration.ppp.authentication.append(method)
            return copy
        case .pool, .user:
            return nil
        }
    }

    /// One remedy after the other, until the client comes in or nothing more can be put right.
    ///
    /// - Returns: What happens first, with every remedy that it takes; and what is agreed on with all of them.
    package func playUntilMended() -> (first: Outcome, mended: Agreement?) {
        let first = play()
        guard case .refused(var refusal) = first else { return (first, nil) }
        var rehearsal = self
        var current = refusal
        var remedies: [Remedy] = []
        while remedies.count < 12 {
            // What did not help may have to be said more broadly.
            let next = current.remedies.map { $0.broadened(ifIn: remedies) }
            guard !next.isEmpty, !next.contains(where: remedies.contains) else { break }
            for remedy in next {
                remedies.removeAll { $0.isNarrower(than: remedy) }
                remedies.append(remedy)
                guard let mended = rehearsal.mended(by: remedy) else {
                    refusal.remedies = remedies
                    return (.refused(refusal), nil)
                }
                rehearsal = mended
            }
            switch rehearsal.play() {
            case .agreed(let agreement):
                refusal.remedies = remedies
                return (.refused(refusal), agreement)
            case .refused(let another):
                current = another
            }
        }
        refusal.remedies = remedies
        return (.refused(refusal), nil)
    }
}

extension Rehearsal.Remedy {
    fileprivate func broadened(ifIn tried: [Self]) -> Self {
        guard case .allowLegacy(let algorithm, _?) = self, tried.contains(self) else { return self }
        return .allowLegacy(algorithm, clients: nil)
    }

    fileprivate func isNarrower(than other: Self) -> Bool {
        if case .truncation = other, case .truncation = self { return true }
        guard case .allowLegacy(let algorithm, nil) = other, case .allowLegacy(algorithm, _?) = self else {
            return false
        }
        return true
    }
}

extension Rehearsal.Refusal {
    static func noProfile(for peer: IPAddress) -> Self {
        Self(
            layer: .ike,
            event: "no-profile",
            message: "message 1 of phase 1",
            reason: "no profile is for \(peer)",
            missing: ["a profile for \(peer)"],
            remedies: [.remote(peer)]
        )
    }

    static func noKey(in profile: String) -> Self {
        Self(
            layer: .ike,
            message: "message 1 of phase 1",
            reason: "no pre-shared key of profile \(profile) is valid today",
            missing: ["a pre-shared key that has not come to its end"],
            hint: "give the profile a secret whose until is still to come"
        )
    }

    static func truncation(clientCutsTo96: Bool, _ profile: Profile) -> Self {
        let (theirs, ours) = clientCutsTo96 ? (96, 128) : (128, 96)
        let explicit: SHA256Truncation = clientCutsTo96 ? .bits96 : .bits128
        let remedy = profile.sha256Truncation == .byClient ? explicit : .byClient
        return Self(
            layer: .esp,
            message: "every packet inside ESP",
            reason: "the client cuts HMAC-SHA2-256 to \(theirs) bits and the gateway to \(ours): neither takes what the"
                + " other sends",
            offered: ["\(theirs) bits"],
            accepted: ["\(ours) bits"],
            missing: ["sha256-truncation: \(remedy.rawValue)"],
            remedies: [.truncation(remedy)]
        )
    }

    init(from network: SimulatedNetwork, rehearsing rehearsal: Rehearsal, profile: Profile) {
        for event in network.events {
            guard let refusal = Self(event, rehearsal, profile) else { continue }
            self = refusal
            return
        }
        if let name = rehearsal.vector.phase1.groupName, !profile.allowsAggressiveMode {
            let (missing, remedies) = Self.forAggressiveMode(name, profile)
            self.init(
                layer: .ike,
                message: "aggressive mode, message 1",
                reason: "the gateway does not answer aggressive mode",
                missing: missing,
                remedies: remedies
            )
            return
        }
        let last = network.events.last { $0.description.severity >= .notice }?.description
        self.init(
            layer: last?.layer ?? .ike,
            event: last?.name,
            message: Self.stage(of: network.clients[0]),
            reason: last?.message ?? "the gateway does not answer",
            hint: last?.remedy
        )
    }

    /// `nil` if this event does not end a call.
    private init?(_ event: ControlPlane.Event, _ rehearsal: Rehearsal, _ profile: Profile) {
        let description = event.description
        self.init(
            layer: description.layer,
            event: description.name,
            message: "",
            reason: description.message,
            hint: description.remedy
        )
        switch event {
        case .ike(let event):
            guard take(event.kind, rehearsal, profile) else { return nil }
        case .ppp(let event):
            guard take(event.kind, rehearsal) else { return nil }
        case .call(let event):
            guard case .noAddress(_, let fixed) = event.kind else { return nil }
            message = "IPCP, after authentication"
            missing = [fixed.map { "the fixed address \($0)" } ?? "a free address in addresses.pools"]
            remedies = fixed == nil ? [.pool] : []
        case .l2tp(let event):
            switch event.kind {
            case .noSecret, .authenticationFailed: message = "SCCRQ to SCCCN"
            case .connectionFailed, .connectionLimitReached, .malformedRequest: message = "SCCRQ to SCCCN"
            case .sessionRefused, .sessionLimitReached, .sessionFailed: message = "ICRQ to ICCN"
            default: return nil
            }
        }
    }

    private mutating func take(_ kind: IKE.Event.Kind, _ rehearsal: Rehearsal, _ profile: Profile) -> Bool {
        let vector = rehearsal.vector
        let mode = vector.phase1.groupName == nil ? "main mode" : "aggressive mode"
        switch kind {
        case .noProfile:
            message = "\(mode), message 1"
            remedies = [.remote(rehearsal.peer)]
        case .noProposalChosen(let phase, let mismatch):
            message = phase == .one ? "\(mode), message 1 (SA)" : "quick mode, message 1 (SA)"
            reason = "no \(phase == .one ? "IKE" : "ESP") proposal of the client is accepted"
            offered = Self.unique(mismatch.offered)
            accepted = Self.unique(mismatch.accepted)
            missing = mismatch.missing.map { "\(mismatch.closest ?? "the offer") \($0)" }
            remedies = mismatch.missing.compactMap { Self.remedy(for: $0, phase, mismatch, vector) }
            if remedies.count < mismatch.missing.count,
                let way = Self.cheapest(of: offered, phase, profile, vector.client)
            {
                (missing, remedies) = ([way.text], way.remedies)
            }
            if !remedies.isEmpty { hint = nil }
        case .unsupportedExchange(.aggressive), .aggressiveMode:
            message = "\(mode), message 1"
            guard let name = vector.phase1.groupName else { break }
            (missing, remedies) = Self.forAggressiveMode(name, profile)
            hint = nil
        case .authenticationFailed, .authenticationDelay, .preSharedKeys:
            message = "\(mode), the last message"
        case .identity(.refused(let identity, _)):
            message = "\(mode), the last message"
            missing = ["identities with \(identity)"]
        case .invalidIdentity, .invalidKeyExchange, .severalNegotiations, .tooManyChildren:
            message = "quick mode, message 1"
        case .unsupportedVersion, .unsupportedExchange:
            message = "\(mode), message 1"
        default:
            return false
        }
        return true
    }

    private mutating func take(_ kind: PPP.Event.Kind, _ rehearsal: Rehearsal) -> Bool {
        switch kind {
        case .negotiationFailed(_, .authentication(let accepted, let proposed)):
            let methods = rehearsal.vector.link.methods
            message = "LCP, Configure-Request of the gateway"
            reason = "no way to authenticate is common to both"
            offered = methods.isEmpty ? proposed.map(\.description) : methods.map(\.rawValue)
            self.accepted = accepted.map(\.rawValue)
            missing = methods.first.map { ["\($0.rawValue) in ppp.authentication"] } ?? []
            remedies = methods.first.map { [.authentication($0)] } ?? []
            hint = nil
        case .negotiationFailed(let number, _):
            message = "\(number)"
        case .userRefused(let userName, let method, let refusal, _):
            message = "\(method.rawValue), the answer of the client"
            switch refusal {
            case .unknownUser:
                missing = ["a user \(userName)"]
                remedies = [.user(userName)]
            case .disabled:
                missing = ["\(userName) is disabled"]
            case .methodUnsuitable:
                missing = ["a secret of \(userName) that \(method.rawValue) can use: an nt-hash serves mschapv2 alone"]
                let takesHash = rehearsal.vector.link.methods.contains(.mschapv2)
                let isListed = rehearsal.configuration.ppp.authentication.contains(.mschapv2)
                hint =
                    "give \(userName) a secret in place of the nt-hash"
                    + (takesHash && !isListed ? ", or put mschapv2 into ppp.authentication" : "")
            case .wrongPassword, .throttled:
                break
            }
        case .setUpTimeout(let phase, _):
            message = "PPP, \(phase)"
        default:
            return false
        }
        return true
    }

    private static func remedy(
        for objection: Objection,
        _ phase: IKE.Event.Phase,
        _ mismatch: ProposalMismatch,
        _ vector: ClientVector
    ) -> Rehearsal.Remedy? {
        switch objection {
        case .needsLegacy(let algorithm): .allowLegacy(algorithm, clients: vector.client)
        case .notListed where phase == .one: mismatch.closest.flatMap { IKETransform($0) }.map { .proposal($0) }
        case .notListed: mismatch.closest.map { .espProposal($0) }
        case .pfsGroup(let name): .pfsGroup(name)
        default: nil
        }
    }

    /// The offered transform that takes the least to accept, where the closest one cannot be accepted at all.
    private static func cheapest(
        of offered: [String],
        _ phase: IKE.Event.Phase,
        _ profile: Profile,
        _ client: Client
    ) -> (text: String, remedies: [Rehearsal.Remedy])? {
        var best: (text: String, remedies: [Rehearsal.Remedy])?
        for name in offered {
            let legacy: Set<LegacyAlgorithm>
            var remedies: [Rehearsal.Remedy] = []
            switch phase {
            case .one:
                guard let transform = IKETransform(name) else { continue }
                legacy = transform.legacyAlgorithms
                if !profile.ikeProposals.contains(transform) { remedies = [.proposal(transform)] }
            case .two:
                guard let transform = ESPTransform(parsing: name) else { continue }
                legacy = transform.legacyAlgorithms
                if !profile.espProposals.contains(transform) { remedies = [.espProposal(name)] }
            }
            let missing = legacy.subtracting(profile.allowLegacy).sorted { $0.rawValue < $1.rawValue }
            remedies += missing.map { .allowLegacy($0, clients: client) }
            guard !remedies.isEmpty, remedies.count < best?.remedies.count ?? .max else { continue }
            let what = [
                missing.isEmpty ? nil : "allow-legacy: [\(missing.map(\.rawValue).joined(separator: ", "))]",
                missing.count == remedies.count ? nil : "to be listed",
            ]
            best = ("\(name) needs \(what.compactMap(\.self).joined(separator: " and "))", remedies)
        }
        return best
    }

    private static func unique(_ names: [String]) -> [String] {
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }

    private static func forAggressiveMode(
        _ name: String,
        _ profile: Profile
    ) -> (missing: [String], remedies: [Rehearsal.Remedy]) {
        if profile.allowsAggressiveMode { return (["identities with \(name)"], [.identity(name)]) }
        return (
            ["aggressive-mode: true", "identities with \(name)"],
            profile.identities.isEmpty ? [.groupProfile(name: name)] : [.aggressiveMode(identity: name)]
        )
    }

    /// How far the client has come.
    private static func stage(of client: SimulatedClient) -> String {
        guard !client.ike.children.isEmpty else {
            return switch client.ike.state {
            case .waitKeyExchange: "main mode, message 3"
            case .waitIdentity: "main mode, message 5"
            case .waitQuickMode: "quick mode, message 1"
            case .established, .closed: "quick mode"
            case .failed(let reason): "phase 1 or quick mode (\(reason))"
            default: "message 1 of phase 1"
            }
        }
        guard client.lac.state == .established else { return "SCCRQ to SCCCN" }
        guard client.lac.calls.first?.peerID != nil else { return "ICRQ to ICCN" }
        return "PPP"
    }
}
