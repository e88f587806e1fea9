// SPDX-License-Identifier: Apache-2.0
package import Primitives

extension IKEv1 {
    /// The form of an identity. Any number is a value.
    ///
    /// - SeeAlso: RFC 2407 §4.6.2.1
    package struct IDType: RawRepresentable, Hashable, Sendable {
        package var rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        package static let ipv4Address = Self(rawValue: 1)
        package static let fqdn = Self(rawValue: 2)
        package static let userFQDN = Self(rawValue: 3)
        package static let ipv4Subnet = Self(rawValue: 4)
        package static let ipv6Address = Self(rawValue: 5)
        package static let ipv6Subnet = Self(rawValue: 6)
        package static let ipv4Range = Self(rawValue: 7)
        package static let ipv6Range = Self(rawValue: 8)
        package static let distinguishedName = Self(rawValue: 9)
        package static let generalName = Self(rawValue: 10)
        package static let keyID = Self(rawValue: 11)
    }

    /// In phase 1 who somebody is; in phase 2 whose traffic is protected.
    ///
    /// - SeeAlso: RFC 2407 §4.6.2
    package struct IDPayload: PayloadBody, Hashable, Sendable {
        package var type: IDType
        /// An IP protocol; zero is any.
        package var protocolNumber: UInt8
        /// Zero is any.
        package var port: UInt16
        package var data: [UInt8]

        package init(type: IDType, protocolNumber: UInt8, port: UInt16, data: [UInt8]) {
            self.type = type
            self.protocolNumber = protocolNumber
            self.port = port
            self.data = data
        }

        /// A single address.
        package init(_ address: IPAddress, protocolNumber: UInt8, port: UInt16) {
            self.init(
                type: address.isV4 ? .ipv4Address : .ipv6Address,
                protocolNumber: protocolNumber,
                port: port,
                data: address.bytes
            )
        }

        package init(from reader: inout ByteReader) throws(DecodeError) {
            type = IDType(rawValue: try reader.integer())
            protocolNumber = try reader.integer()
            port = try reader.integer()
            data = Array(reader.rest())
        }

        package func encode(into writer: inout ByteWriter) {
            writer.integer(type.rawValue)
            writer.integer(protocolNumber)
            writer.integer(port)
            writer.append(data)
        }

        /// The one address this names: also a subnet with a full mask, and a range from an address to itself.
        package var hostAddress: IPAddress? {
            switch type {
            case .ipv4Address:
                return data.count == 4 ? IPAddress(bytes: data) : nil
            case .ipv6Address:
                return data.count == 16 ? IPAddress(bytes: data) : nil
            case .ipv4Subnet, .ipv6Subnet:
                let width = type == .ipv4Subnet ? 4 : 16
                guard data.count == 2 * width, data.suffix(width).allSatisfy({ $0 == 0xFF }) else { return nil }
                return IPAddress(bytes: data.prefix(width))
            case .ipv4Range, .ipv6Range:
                let width = type == .ipv4Range ? 4 : 16
                guard data.count == 2 * width, data.prefix(width) == data.suffix(width) else { return nil }
                return IPAddress(bytes: data.prefix(width))
            default:
                return nil
            }
        }
    }
}

extension IKEv1.IDPayload: CustomStringConvertible {
    /// `192.0.2.7`, `@gw.example.net`, `alice@example.net`, hexadecimal digits for what has no text.
    /// Bytes that are not printable ASCII are escaped: a peer chose them.
    package var description: String {
        switch type {
        case .ipv4Address, .ipv6Address, .ipv4Subnet, .ipv6Subnet, .ipv4Range, .ipv6Range:
            if let hostAddress { return "\(hostAddress)" }
            return "\(name):\(Self.hex(data))"
        case .fqdn:
            return "@" + Self.printable(data)
        case .userFQDN:
            return Self.printable(data)
        case .keyID:
            return "key-id:" + Self.printable(data)
        default:
            return "\(name):\(Self.hex(data))"
        }
    }

    private var name: String {
        switch type {
        case .ipv4Address: "ipv4"
        case .ipv6Address: "ipv6"
        case .ipv4Subnet: "ipv4-subnet"
        case .ipv6Subnet: "ipv6-subnet"
        case .ipv4Range: "ipv4-range"
        case .ipv6Range: "ipv6-range"
        case .distinguishedName: "dn"
        case .generalName: "gn"
        default: "id-type-\(type.rawValue)"
        }
    }

    /// As much of an identity as is worth a log line.
    private static let longestText = 128

    private static func printable(_ bytes: [UInt8]) -> String {
        var text = ""
        for byte in bytes.prefix(longestText) {
            if (0x21...0x7E).contains(byte), byte != 0x5C {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "\\x" + hex([byte])
            }
        }
        return bytes.count > longestText ? text + "…" : text
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = bytes.prefix(longestText).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return bytes.count > longestText ? digits + "…" : digits
    }
}
