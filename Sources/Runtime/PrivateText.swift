// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// Looks for what is private in a text, and puts something else in its place. What was put there is not looked at again.
struct PrivateText {
    struct Name {
        var text: [UInt8]
        var replacement: [UInt8]
    }

    /// Longest first: the first that fits counts.
    private let names: [Name]
    /// `nil` leaves addresses alone.
    private let replaceAddress: ((IPAddress) -> String)?

    /// Names that are shorter count only where they are words.
    private static let sureLength = 4
    /// Of an address in text.
    private static let longestAddress = 45

    init(names: [(text: String, replacement: String)], replaceAddress: ((IPAddress) -> String)?) {
        self.names = names.filter { !$0.text.isEmpty }
            .map { Name(text: Array($0.text.utf8), replacement: Array($0.replacement.utf8)) }
            .sorted { $0.text.count > $1.text.count }
        self.replaceAddress = replaceAddress
    }

    func replacing(in text: String) -> String {
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if let name = name(at: index, of: bytes) {
                output += name.replacement
                index += name.text.count
            } else if let replaceAddress, let (address, end) = address(at: index, of: bytes) {
                let isBracketed = output.last == 0x5B && end < bytes.count && bytes[end] == 0x5D
                if isBracketed { output.removeLast() }
                output += Array(replaceAddress(address).utf8)
                index = Self.afterPort(bytes, from: isBracketed ? end + 1 : end)
            } else {
                output.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private func name(at index: Int, of bytes: [UInt8]) -> Name? {
        names.first { name in
            let end = index + name.text.count
            guard end <= bytes.count, bytes[index] == name.text[0], bytes[index..<end].elementsEqual(name.text) else {
                return false
            }
            if name.text.count >= Self.sureLength { return true }
            let beginsWord = index == 0 || !bytes[index - 1].isPartOfWord || !bytes[index].isPartOfWord
            let endsWord = end == bytes.count || !bytes[end].isPartOfWord || !bytes[end - 1].isPartOfWord
            return beginsWord && endsWord
        }
    }

    /// The longest address that begins here.
    private func address(at index: Int, of bytes: [UInt8]) -> (IPAddress, end: Int)? {
        guard bytes[index].isPartOfAddress else { return nil }
        let before = index > 0 ? bytes[index - 1] : 0x20
        guard !before.isDigit else { return nil }
        var end = index
        var (dots, colons) = (0, 0)
        while end < bytes.count, end - index < Self.longestAddress, bytes[end].isPartOfAddress {
            if bytes[end] == 0x2E { dots += 1 }
            if bytes[end] == 0x3A { colons += 1 }
            end += 1
        }
        guard dots >= 3 || (colons >= 2 && !before.isHexDigit) else { return nil }
        while end > index + 1 {
            let text = String(decoding: bytes[index..<end], as: UTF8.self)
            if let address = IPAddress(text), !address.isUnspecified {
                if address.isV4 || !before.isHexDigit { return (address, end) }
            }
            end -= 1
        }
        return nil
    }

    /// An address without its port tells less.
    private static func afterPort(_ bytes: [UInt8], from start: Int) -> Int {
        guard start + 1 < bytes.count, bytes[start] == 0x3A, bytes[start + 1].isDigit else { return start }
        var end = start + 1
        while end < bytes.count, end <= start + 5, bytes[end].isDigit { end += 1 }
        return end
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (0x30...0x39).contains(self) }
    fileprivate var isHexDigit: Bool { isDigit || (0x41...0x46).contains(self) || (0x61...0x66).contains(self) }
    fileprivate var isPartOfAddress: Bool { isHexDigit || self == 0x2E || self == 0x3A }
    fileprivate var isPartOfWord: Bool {
        isDigit || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self) || self >= 0x80
    }
}
