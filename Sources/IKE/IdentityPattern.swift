// SPDX-License-Identifier: Apache-2.0
internal import Primitives

extension IKEv1.IDPayload {
    /// Longer ones are nobody's name.
    package static let longestName = 256

    /// As an operator writes it in `identities`: an address, a name, a key id as text or, where that is not printable
    /// ASCII, as `0x` and hexadecimal digits. `nil` for what cannot be named: subnets, ranges, distinguished names, and
    /// names with bytes that no name has.
    package var plainName: String? {
        if let hostAddress { return "\(hostAddress)" }
        guard (1...Self.longestName).contains(data.count) else { return nil }
        let isPrintable = data.allSatisfy { (0x20...0x7E).contains($0) }
        switch type {
        case .fqdn, .userFQDN: return isPrintable ? String(decoding: data, as: UTF8.self) : nil
        case .keyID: return isPrintable ? String(decoding: data, as: UTF8.self) : "0x" + Self.digits(data)
        default: return nil
        }
    }

    /// For events: ``plainName``, or what there is to see.
    var shownName: String { plainName ?? description }

    private static func digits(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

/// Patterns are compared as bytes, in time that grows with the length of both together. Domains are the same in
/// capitals and in small letters, key ids and what stands before an `@` are not.
extension IdentityPattern {
    package static let wildcard: Character = "*"

    /// Whether everybody's name would do, or everybody's address, which anybody may give as a name.
    package var isUniversal: Bool {
        !text.isEmpty && text.allSatisfy { $0 == Self.wildcard } || IPPrefix(text)?.length == 0
    }

    package func matches(_ identity: IKEv1.IDPayload) -> Bool {
        if let address = identity.hostAddress, let prefix = IPPrefix(text) { return prefix.contains(address) }
        guard let name = identity.plainName.map({ Array($0.utf8) }) else { return false }
        let pattern = Array(text.utf8)
        switch identity.type {
        case .userFQDN:
            return Self.matches(Self.foldDomain(pattern), Self.foldDomain(name))
        case .keyID where identity.data.count == name.count:
            return Self.matches(pattern, name)
        default:
            return Self.matches(Self.fold(pattern), Self.fold(name))
        }
    }

    /// Small letters for capitals.
    private static func fold(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        bytes.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    }

    /// The same after the last `@`; without one, nowhere.
    private static func foldDomain(_ bytes: [UInt8]) -> [UInt8] {
        guard let at = bytes.lastIndex(of: UInt8(ascii: "@")) else { return bytes }
        return bytes[...at] + fold(bytes[(at + 1)...])
    }

    private static func matches(_ pattern: [UInt8], _ name: [UInt8]) -> Bool {
        let pieces = pattern.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false)
        guard pieces.count > 1, let first = pieces.first, let last = pieces.last else { return pattern == name }
        guard name.count >= first.count + last.count, name.starts(with: first),
            name.suffix(last.count).elementsEqual(last)
        else { return false }
        var rest = name[first.count..<(name.count - last.count)]
        // The first place where a piece fits leaves most for those after it.
        for piece in pieces.dropFirst().dropLast() where !piece.isEmpty {
            guard let end = end(of: Array(piece), in: rest) else { return false }
            rest = rest[end...]
        }
        return true
    }

    /// Where the first occurrence of `piece` ends (Knuth, Morris and Pratt).
    ///
    /// - Parameter piece: Not empty.
    private static func end(of piece: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
        /// For each beginning of the piece the length of the longest shorter one that it ends with.
        var borders: [Int] = []
        var length = 0
        for (index, byte) in piece.enumerated() {
            if index > 0 {
                while length > 0, piece[length] != byte { length = borders[length - 1] }
                if piece[length] == byte { length += 1 }
            }
            borders.append(length)
        }
        length = 0
        for index in text.indices {
            while length > 0, piece[length] != text[index] { length = borders[length - 1] }
            if piece[length] == text[index] { length += 1 }
            if length == piece.count { return index + 1 }
        }
        return nil
    }
}

extension Profile {
    /// Whether a peer may call itself that: a profile that names nobody is for everybody.
    func admits(_ identity: IKEv1.IDPayload) -> Bool { identities.isEmpty || names(identity) }

    func names(_ identity: IKEv1.IDPayload) -> Bool { identities.contains { $0.matches(identity) } }
}
