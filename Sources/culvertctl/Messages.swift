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
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { throw Problem("the answer cannot be printed as JSON") }
        var text = ""
        for scalar in String(decoding: data, as: UTF8.self).unicodeScalars {
            if scalar == "\n" || scalar.isVisible {
                text.unicodeScalars.append(scalar)
            } else {
                // Within a string: nothing else in JSON has such scalars.
                for unit in String(scalar).utf16 { text += "\\u" + unit.hexadecimal }
            }
        }
        return text + "\n"
    }

    /// One line, for who reads a stream.
    static func line(of value: some Encodable) throws(Problem) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { throw Problem("the answer cannot be printed as JSON") }
        return String(decoding: data, as: UTF8.self) + "\n"
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

extension UInt16 {
    fileprivate var hexadecimal: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }
}
