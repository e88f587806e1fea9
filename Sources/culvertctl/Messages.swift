// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import FoundationEssentials

/// `GET /v1/sessions`.
struct SessionList: Codable, Hashable {
    var sessions: [CallSnapshot]
}

/// `POST /v1/terminate`; exactly one is set.
struct TerminateRequest: Codable, Hashable {
    var trace: String?
    var user: String?
    var peer: String?
    var address: String?
    var interface: String?
    var all: Bool?
}

struct TerminateAnswer: Codable, Hashable {
    var terminated: Int
}

/// `POST /v1/impair`. What the words may be is the daemon's business.
struct ImpairRequest: Codable, Hashable {
    var message: String?
    var direction: String?
    var treatment: String?
    var milliseconds: Int?
    var request: String?
    var errno: String?
    var nth: UInt64?
    var every: Bool?
    var percent: UInt8?
    var loseNotices: Bool?
    var stopTimers: [String]?
}

/// The answer to everything about `/v1/impair`.
struct ImpairmentList: Codable, Hashable {
    struct Entry: Codable, Hashable {
        var number: Int
        var impairment: String
        /// Of its kind, so far.
        var matched: UInt64
        /// Of those, the ones it struck.
        var struck: UInt64
    }

    var impairments: [Entry]
}

/// The body of an answer that is not 200.
struct ErrorAnswer: Codable, Hashable {
    struct Body: Codable, Hashable {
        var message: String
        var remedy: String?
    }

    var error: Body
}

/// Why a command failed, and what mends it.
struct Problem: Error, Hashable {
    var message: String
    var remedy: String?

    init(_ message: String, remedy: String? = nil) {
        self.message = message
        self.remedy = remedy
    }

    /// As it is printed.
    var text: String {
        "culvertctl: \(message.visible)\n" + (remedy.map { "  \($0.visible)\n" } ?? "")
    }
}

enum JSON {
    /// Indented, keys in order, and with nothing in it that a terminal would act on.
    static func text(of value: some Encodable) throws(Problem) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { throw Problem("the answer cannot be printed as JSON") }
        return text([UInt8](data))
    }

    /// The same of a document that is written already, on one line and without blanks between its parts.
    static func text(_ document: [UInt8]) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(document.count * 2)
        var depth = 0
        var isInString = false
        var isEscaped = false
        func newLine() {
            bytes.append(UInt8(ascii: "\n"))
            for _ in 0..<depth * 2 { bytes.append(UInt8(ascii: " ")) }
        }
        for (place, byte) in document.enumerated() {
            if isInString {
                bytes.append(byte)
                isInString = isEscaped || byte != UInt8(ascii: "\"")
                isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
                continue
            }
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                bytes.append(byte)
                depth += 1
                if place + 1 < document.count, !document[place + 1].closes { newLine() }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if place > 0, !document[place - 1].opens { newLine() }
                bytes.append(byte)
            case UInt8(ascii: ","):
                bytes.append(byte)
                newLine()
            case UInt8(ascii: ":"):
                bytes.append(contentsOf: " : ".utf8)
            case _:
                bytes.append(byte)
                isInString = byte == UInt8(ascii: "\"")
            }
        }
        return line(bytes)
    }

    /// As it is, for who reads a stream; only what a terminal would act on is written otherwise.
    static func line(_ document: [UInt8]) -> String {
        var text = ""
        text.reserveCapacity(document.count + 1)
        for line in document.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            if line.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
                text += String(decoding: line, as: UTF8.self)
            } else {
                for scalar in String(decoding: line, as: UTF8.self).unicodeScalars {
                    if scalar.isVisible {
                        text.unicodeScalars.append(scalar)
                    } else {
                        // Within a string: nothing else in JSON has such scalars.
                        for unit in String(scalar).utf16 { text += "\\u" + unit.hexadecimal }
                    }
                }
            }
            text += "\n"
        }
        return text
    }

    static func bytes(of value: some Encodable) throws(Problem) -> [UInt8] {
        guard let data = try? JSONEncoder().encode(value) else {
            throw Problem("the request cannot be written as JSON")
        }
        return [UInt8](data)
    }

    static func value<T: Decodable>(_: T.Type = T.self, from bytes: [UInt8]) -> T? {
        try? JSONDecoder().decode(T.self, from: Data(bytes))
    }
}

extension UInt8 {
    fileprivate var opens: Bool { self == UInt8(ascii: "{") || self == UInt8(ascii: "[") }
    fileprivate var closes: Bool { self == UInt8(ascii: "}") || self == UInt8(ascii: "]") }
}

extension UInt16 {
    fileprivate var hexadecimal: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }
}
