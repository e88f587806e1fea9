// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Primitives

extension ControlRoute {
    /// `/v1/sessions` with nothing, with `all`, or with one way to choose calls as `/v1/terminate` takes it.
    static func sessions(_ query: Substring) throws(ControlRefusal) -> ControlRoute {
        switch query {
        case "", "all=false": return .sessions(includesHalfOpen: false)
        case "all", "all=true": return .sessions(includesHalfOpen: true)
        case _: return .matching(try CallSelector(query: query))
        }
    }
}

extension CallSelector {
    /// From `trace=…`, `user=…`, `peer=…`, `address=…` or `interface=…`; RFC 3986 says how other characters are written.
    init(query: Substring) throws(ControlRefusal) {
        let parts = query.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let value = parts[1].percentDecoded else { throw .unknownQuery }
        switch parts[0] {
        case "user": self = .user(value)
        case "interface": self = .interface(value)
        case "trace":
            guard let trace = TraceID(value.lowercased()) else {
                throw ControlRefusal(400, "a trace is sixteen hexadecimal digits")
            }
            self = .trace(trace)
        case "peer": self = try CallSelector(peer: value)
        case "address":
            guard let address = IPAddress(value) else { throw ControlRefusal(400, "address is not an IP address") }
            self = .innerAddress(address)
        case _: throw .unknownQuery
        }
    }

    /// One outer address, or a block of them.
    init(peer text: String) throws(ControlRefusal) {
        if let address = IPAddress(text) {
            self = .peer(address)
        } else if let prefix = IPPrefix(text) {
            self = .peers(prefix)
        } else {
            throw ControlRefusal(400, "peer is neither an IP address nor a prefix", remedy: "198.51.100.0/24, say")
        }
    }
}

extension ControlRefusal {
    fileprivate static let unknownQuery = ControlRefusal(
        400,
        "sessions are chosen by one of trace, user, peer, address and interface, or by all",
        remedy: "/v1/sessions?user=alice"
    )
}

extension Substring {
    /// With the bytes that `%41` and the like stand for; `nil` if they are not UTF-8, or a `%` stands for none.
    fileprivate var percentDecoded: String? {
        var bytes: [UInt8] = []
        var rest = utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst()?.hexadecimalDigit, let low = rest.popFirst()?.hexadecimalDigit else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension UInt8 {
    fileprivate var hexadecimalDigit: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x41...0x46: self - 0x37
        case 0x61...0x66: self - 0x57
        default: nil
        }
    }
}
