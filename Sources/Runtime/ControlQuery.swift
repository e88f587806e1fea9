// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// What follows the question mark: `kind=call-up,refused&user=alice`.
///
/// - SeeAlso: RFC 3986 §3.4
struct ControlQuery {
    private var parameters: [String: String] = [:]

    /// - Parameter known: Others are refused: a filter that is not understood must not show too much.
    init(_ text: Substring, known: [String]) throws(ControlRefusal) {
        for part in text.split(separator: "&") {
            let name = try Self.decoded(part.prefix { $0 != "=" })
            let value = try Self.decoded(part.drop { $0 != "=" }.dropFirst())
            guard known.contains(name) else {
                throw ControlRefusal(
                    400,
                    "this path has no parameter of that name",
                    remedy: known.isEmpty ? "it takes none" : "it takes \(known.joined(separator: ", "))"
                )
            }
            guard parameters.updateValue(value, forKey: name) == nil else {
                throw ControlRefusal(400, "\(name) is there twice")
            }
        }
    }

    subscript(_ name: String) -> String? { parameters[name] }

    /// `all`, `all=true` or `all=false`; `false` if it is not there.
    func flag(_ name: String) throws(ControlRefusal) -> Bool {
        switch parameters[name] {
        case nil, "false": return false
        case "", "true": return true
        case _: throw ControlRefusal(400, "\(name) is true or false")
        }
    }

    /// A trace, if the parameter is there.
    func trace(_ name: String) throws(ControlRefusal) -> TraceID? {
        guard let text = parameters[name] else { return nil }
        guard let trace = TraceID(text.lowercased()) else {
            throw ControlRefusal(400, "\(name) is a trace: sixteen hexadecimal digits")
        }
        return trace
    }

    /// An address, if the parameter is there.
    func address(_ name: String) throws(ControlRefusal) -> IPAddress? {
        guard let text = parameters[name] else { return nil }
        guard let address = IPAddress(text) else { throw ControlRefusal(400, "\(name) is not an IP address") }
        return address
    }

    /// - SeeAlso: RFC 3986 §2.1
    private static func decoded(_ text: Substring) throws(ControlRefusal) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst(), let low = rest.popFirst(),
                let value = hexadecimal(high).flatMap({ high in hexadecimal(low).map { high << 4 | $0 } })
            else { throw ControlRefusal(400, "the query has a % without two hexadecimal digits") }
            bytes.append(value)
        }
        guard let plain = String(validating: bytes, as: UTF8.self) else {
            throw ControlRefusal(400, "the query is not UTF-8")
        }
        return plain
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        case _: nil
        }
    }
}
