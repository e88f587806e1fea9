// SPDX-License-Identifier: Apache-2.0
package import ConfigFile
internal import Cryptography
package import Primitives

/// Takes names and addresses out of what is written: out of fields, and out of sentences that mention them.
package struct Privacy: Sendable {
    package let settings: PrivacySettings
    /// `nil` where nothing is written as a pseudonym.
    private let keys: PseudonymKeys?
    /// Why there is no key today, until somebody takes it.
    private var problem: SystemError?
    /// Not told again before there was a key.
    private var isProblemKnown = false

    /// - Parameter owner: Who the daemon will be.
    package init(_ settings: PrivacySettings, owner: ProcessUser? = nil) throws(StartProblem) {
        self.settings = settings
        keys = settings.usesPseudonyms ? try PseudonymKeys(folder: settings.folder, owner: owner) : nil
    }

    /// Deletes keys that are too old.
    package func forget(before now: WallClockTime) {
        keys?.forget(settings.after, before: now)
    }

    /// Why values were left out that would have been pseudonyms: once.
    mutating func takeProblem() -> SystemError? {
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
            isProblemKnown = false
            return cipher
        } catch {
            if !isProblemKnown { problem = error }
            isProblemKnown = true
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
