// SPDX-License-Identifier: Apache-2.0
package import ConfigFile
internal import Cryptography
internal import Primitives

/// Takes names and addresses out of what is written: out of fields, and out of sentences that mention them.
package struct Privacy: Sendable {
    package let settings: PrivacySettings
    /// `nil` where nothing is written as a pseudonym.
    private let keys: PseudonymKeys?
    /// What is wrong with the keys.
    enum Problem: Hashable, Sendable {
        /// Values were left out that would have been pseudonyms.
        case noKey(SystemError)
        /// Old keys are still there, or their bytes are on the disk.
        case notForgotten(SystemError)
    }

    /// Until somebody takes it.
    private var problem: Problem?
    /// Not told again before there was a key.
    private var isMissingKeyKnown = false
    /// Not told again before old keys could be deleted.
    private var areOldKeysKnown = false

    /// - Parameter owner: Who the daemon will be.
    package init(_ settings: PrivacySettings, owner: ProcessUser? = nil) throws(StartProblem) {
        self.settings = settings
        keys = settings.usesPseudonyms ? try PseudonymKeys(folder: settings.folder, owner: owner) : nil
    }

    /// Deletes keys that are too old.
    ///
    /// - Parameter waits: For the disk.
    mutating func forget(before now: WallClockTime, waits: Bool) {
        guard let keys else { return }
        do throws(SystemError) {
            try keys.forget(settings.after, before: now, waits: waits)
            areOldKeysKnown = false
        } catch {
            if !areOldKeysKnown { problem = .notForgotten(error) }
            areOldKeysKnown = true
        }
    }

    /// What is wrong with the keys: once.
    mutating func takeProblem() -> Problem? {
        defer { problem = nil }
        return problem
    }

    package mutating func conceal(_ line: LogLine) -> LogLine {
        let cipher = cipher(at: line.time)
        var line = line
        line.source = line.source.flatMap { conceal($0, cipher) }
        var names: [(text: String, replacement: String)] = []
        if settings.names != .clear {
            for field in line.description.fields + line.description.facts where field.kind == .name {
                names.append((field.value, pseudonym(of: field.value, .name, cipher) ?? "[name]"))
            }
        }
        let text = PrivateText(names: names, replaceAddress: replacementInText(cipher))
        line.description.message = text.replacing(in: line.description.message)
        line.description.remedy = line.description.remedy.map(text.replacing)
        line.description.fields = conceal(line.description.fields, text, cipher)
        line.description.facts = conceal(line.description.facts, text, cipher)
        return line
    }

    private func conceal(
        _ fields: [EventDescription.Field],
        _ text: PrivateText,
        _ cipher: DeterministicCipher?
    ) -> [EventDescription.Field] {
        fields.compactMap { field in
            var field = field
            switch field.kind {
            case .name where settings.names != .clear:
                guard let pseudonym = pseudonym(of: field.value, .name, cipher) else { return nil }
                field.value = pseudonym
            case .address where settings.addresses != .clear:
                let value = text.replacing(in: field.value)
                guard settings.addresses != .none, value != field.value else { return nil }
                field.value = value
            case .plain, .name, .address:
                field.value = text.replacing(in: field.value)
            }
            return field
        }
    }

    private func conceal(_ source: LogLine.Source, _ cipher: DeterministicCipher?) -> LogLine.Source? {
        guard settings.addresses != .clear, case .socket(let socket) = source else { return source }
        return replacement(for: socket.address, cipher).map { .concealed($0) }
    }

    /// `nil` leaves addresses as they are.
    private func replacementInText(_ cipher: DeterministicCipher?) -> ((IPAddress) -> String)? {
        settings.addresses == .clear ? nil : { replacement(for: $0, cipher) ?? "[address]" }
    }

    /// `nil` if nothing may stand there.
    private func replacement(for address: IPAddress, _ cipher: DeterministicCipher?) -> String? {
        switch settings.addresses {
        case .clear: "\(address)"
        case .pseudonym: pseudonym(of: "\(address)", .address, cipher)
        case .network: IPPrefix(address.unmapped, length: address.unmapped.isV4 ? 24 : 48)?.description
        case .none: nil
        }
    }

    private func pseudonym(of value: String, _ kind: Pseudonym.Kind, _ cipher: DeterministicCipher?) -> String? {
        guard kind == .address || settings.names == .pseudonym, let cipher else { return nil }
        return try? Pseudonym.text(for: value, kind, cipher)
    }

    /// `nil` leaves out what would be a pseudonym.
    private mutating func cipher(at time: WallClockTime) -> DeterministicCipher? {
        guard let keys else { return nil }
        do throws(SystemError) {
            let cipher = try keys.cipher(at: time)
            isMissingKeyKnown = false
            return cipher
        } catch {
            if !isMissingKeyKnown { problem = .noKey(error) }
            isMissingKeyKnown = true
            return nil
        }
    }
}

extension IPAddress {
    /// The IPv4 address in an IPv4-mapped one.
    fileprivate var unmapped: IPAddress {
        if case .v6(0, let low) = self, low >> 32 == 0xFFFF { .v4(UInt32(truncatingIfNeeded: low)) } else { self }
    }
}
