// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import Primitives

extension IKEv1 {
    /// The ``KeyTrial`` of an exchange, which most have not: so it lies apart.
    package indirect enum KeySearch: Sendable {
        /// There is one key, or it is found.
        case none
        case among(KeyTrial)
    }

    /// The search for the key of a peer that may have one of several. In main mode nothing says whose key it is before
    /// message 5, which is encrypted under it.
    ///
    /// Kept is what all candidates have in common; the keys of the likeliest are derived with the key agreement, as
    /// those of an only one are.
    package struct KeyTrial: Sendable {
        let initiatorNonce: [UInt8]
        let responderNonce: [UInt8]
        let sharedSecret: SecretBytes
        /// Message 5 has come, and not been tried with all candidates yet.
        var pause: Pause?

        struct Pause: Sendable {
            /// Of that message: no other one is looked at.
            let fingerprint: Int
            /// By their places in the profile, the likeliest first.
            var rest: ArraySlice<Int>
            var tried: Int
        }

        /// Of what is encrypted in message 5. An identity fills a few blocks; a message that fills hundreds would make
        /// every wrong key look right in the first of them.
        package static let longestMessage = 2_048

        func keys(from preSharedKey: SecretBytes, _ transform: IKETransform, _ cookies: CookiePair) -> PhaseOneKeys {
            PhaseOneKeys(
                transform: transform,
                preSharedKey: preSharedKey,
                initiatorNonce: initiatorNonce,
                responderNonce: responderNonce,
                sharedSecret: sharedSecret,
                cookies: cookies
            )
        }

        /// Whether the first block of a message could be that of message 5: what ``PayloadChain`` would refuse anyway
        /// is not worth to be decrypted whole. One wrong key of 32 or more passes, depending on the length.
        ///
        /// - Parameters:
        ///   - first: What the header says the first payload is.
        ///   - length: Of the whole.
        package static func isPlausible(_ block: [UInt8], first: PayloadType, length: Int) -> Bool {
            var reader = ByteReader(block)
            guard let next = try? reader.integer(UInt8.self), (try? reader.integer(UInt8.self)) != nil,
                let size = try? reader.integer(UInt16.self)
            else { return false }
            // Identity and hash are two payloads: neither is the last and the first at once. Four bytes of an identity
            // are there always.
            let shortest = Payload.headerLength + (first == .identification ? 4 : 0)
            return next != PayloadType.none.rawValue && (shortest...max(shortest, length)).contains(Int(size))
        }
    }
}

extension IKEv1.ResponderSA {
    /// What message 5 turns out to be.
    enum Examination {
        case right(IKEv1.OpenedMessage, IKEv1.IDPayload)
        case wrong(Event.Kind)
        /// It has to come again.
        case unfinished([IKEv1.Effect])
    }

    /// Looks for the key with which message 5 was made, and puts what follows from it into `phase`.
    func examine(
        _ arrival: IKEv1.Arrival,
        in phase: inout WaitIdentity,
        _ surroundings: inout Surroundings
    ) -> Examination {
        let iv = IKEv1.phaseOneIV(
            transform: phase.transform,
            initiatorPublic: phase.initiatorPublic,
            responderPublic: phase.responderPublic
        )
        guard case .among(var trial) = phase.search else {
            do throws(DecodeError) {
                let (opened, identity) = try read(arrival, with: phase.keys, phase.cipher, iv: iv, in: phase)
                return .right(opened, identity)
            } catch {
                return .wrong(failure(tried: 1, surroundings))
            }
        }
        let isNew = trial.pause == nil
        if let pause = trial.pause {
            // One message has one trial, in as many pieces as it takes.
            guard pause.fingerprint == arrival.fingerprint else { return .unfinished([]) }
        } else {
            surroundings.counters.keysTried += 1
            if let (opened, identity) = try? read(arrival, with: phase.keys, phase.cipher, iv: iv, in: phase) {
                phase.search = .none
                return .right(opened, identity)
            }
        }
        var pause =
            trial.pause
            ?? IKEv1.KeyTrial.Pause(
                fingerprint: arrival.fingerprint,
                rest: surroundings.candidates(in: profile, for: path.peer.address, at: arrival.now)
                    .filter { [likeliest = phase.keyIndex] in $0 != likeliest }[...],
                tried: 1
            )
        if let (opened, identity) = search(arrival, trial, &pause, iv: iv, in: &phase, &surroundings) {
            phase.search = .none
            return .right(opened, identity)
        }
        guard pause.rest.isEmpty else {
            trial.pause = pause
            phase.search = .among(trial)
            guard isNew else { return .unfinished([]) }
            surroundings.counters.keyTrialsOverBudget += 1
            return .unfinished([report(.preSharedKeys(.overBudget))])
        }
        surroundings.counters.keyTrialsFailed += 1
        return .wrong(failure(tried: pause.tried, surroundings))
    }

    /// Tries as many of the candidates that are left as the source may have tried.
    private func search(
        _ arrival: IKEv1.Arrival,
        _ trial: IKEv1.KeyTrial,
        _ pause: inout IKEv1.KeyTrial.Pause,
        iv: [UInt8],
        in phase: inout WaitIdentity,
        _ surroundings: inout Surroundings
    ) -> (IKEv1.OpenedMessage, IKEv1.IDPayload)? {
        let block = phase.transform.blockCipher.blockLength
        let length = arrival.body.count
        guard length.isMultiple(of: block), (block...IKEv1.KeyTrial.longestMessage).contains(length) else {
            // No key could open that.
            pause.rest = []
            return nil
        }
        let secrets = acceptance(surroundings).profile.preSharedKeys
        let source = path.peer.address
        let granted = surroundings.admission.takeKeyTrials(pause.rest.count, for: source, at: arrival.now)
        let beginning = Array(arrival.body.prefix(block))
        var unused = granted
        defer {
            surroundings.admission.giveBackKeyTrials(unused, for: source)
            surroundings.counters.keysTried += UInt64(granted - unused)
            pause.tried += granted - unused
        }
        while unused > 0, let candidate = pause.rest.popFirst() {
            unused -= 1
            let keys = trial.keys(from: secrets[candidate].secret, phase.transform, cookies)
            guard let cipher = try? CBCContext(phase.transform.blockCipher, key: keys.encryptionKey),
                let clear = try? cipher.decrypt(beginning, iv: iv),
                IKEv1.KeyTrial.isPlausible(clear, first: arrival.header.nextPayload, length: length),
                let found = try? read(arrival, with: keys, cipher, iv: iv, in: phase)
            else { continue }
            phase.keys = keys
            phase.cipher = cipher
            phase.keyIndex = candidate
            return found
        }
        return nil
    }

    /// Opens message 5 and verifies HASH_I.
    private func read(
        _ arrival: IKEv1.Arrival,
        with keys: IKEv1.PhaseOneKeys,
        _ cipher: CBCContext,
        iv: [UInt8],
        in phase: WaitIdentity
    ) throws(DecodeError) -> (IKEv1.OpenedMessage, IKEv1.IDPayload) {
        let opened = try IKEv1.open(arrival.header, arrival.body, with: cipher, iv: iv)
        let identityBody = try opened.chain.only(.identification)
        let identity = try IKEv1.IDPayload(identityBody)
        let expected = keys.hashI(
            initiatorPublic: phase.initiatorPublic,
            responderPublic: phase.responderPublic,
            cookies: cookies,
            saBody: phase.offer.key.saBody,
            identityBody: Array(identityBody)
        )
        guard expected.equalsInConstantTime(try opened.chain.only(.hash)) else {
            throw .invalidValue(field: "HASH_I", value: 0)
        }
        return (opened, identity)
    }

    private func failure(tried: Int, _ surroundings: Surroundings) -> Event.Kind {
        let profile = acceptance(surroundings).profile
        return profile.preSharedKeys.count == 1
            ? .authenticationFailed(.preSharedKeyDiffers, profile: profile.name)
            : .preSharedKeys(.noneFits(tried: tried, profile: profile.name))
    }

    /// Message 5 has not come, or not often enough to be tried with every key. Who was tried with some of them and goes
    /// away has guessed as much as one that stays.
    func giveUp(
        _ phase: WaitIdentity,
        at now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        guard case .among(let trial) = phase.search, trial.pause != nil else {
            return [report(.exchangeTimeout("main mode before message 5"))]
        }
        surroundings.counters.keyTrialsFailed += 1
        let delay = surroundings.admission.recordFailure(of: path.peer.address, at: now)
        return [report(.exchangeTimeout("main mode in the search for the peer's key"))]
            + (delay.map { [report(.authenticationDelay($0))] } ?? [])
    }
}
