// SPDX-License-Identifier: Apache-2.0
import Primitives

extension DialInTerms {
    /// A `.mobileconfig` for the Settings of macOS and iOS.
    func configurationProfile(isForMac: Bool) throws(Problem) -> String {
        var ipsec: [(String, PropertyList)] = [
            ("AuthenticationMethod", .string("SharedSecret")), ("SharedSecret", .data(key.base64)),
        ]
        if let group {
            ipsec += [("LocalIdentifier", .string(group)), ("LocalIdentifierType", .string("KeyID"))]
        }
        var ppp: [(String, PropertyList)] = [
            ("AuthName", .string(user)), ("CommRemoteAddress", .string(server)), ("TokenCard", .bool(false)),
        ]
        if let password = try typedPassword() { ppp.append(("AuthPassword", .string(password))) }
        let payload: [(String, PropertyList)] = [
            ("PayloadType", .string("com.apple.vpn.managed")), ("PayloadVersion", .integer(1)),
            ("PayloadIdentifier", .string(profileIdentifier + ".l2tp")),
            ("PayloadUUID", .string(identifier("payload"))), ("PayloadDisplayName", .string(name)),
            ("UserDefinedName", .string(name)), ("VPNType", .string("L2TP")), ("PPP", .dictionary(ppp)),
            ("IPSec", .dictionary(ipsec)), ("IPv4", .dictionary([("OverridePrimary", .integer(1))])),
        ]
        var profile: [(String, PropertyList)] = [
            ("PayloadType", .string("Configuration")), ("PayloadVersion", .integer(1)),
            ("PayloadIdentifier", .string(profileIdentifier)), ("PayloadUUID", .string(identifier("profile"))),
            ("PayloadDisplayName", .string("\(name) for \(user)")), ("PayloadContent", .array([.dictionary(payload)])),
        ]
        if isForMac { profile.append(("PayloadScope", .string("System"))) }
        return PropertyList.dictionary(profile).document
    }

    /// Another connection has another: letters, digits and dots alone.
    private var profileIdentifier: String { "culvert." + identifier("identifier").lowercased() }
}

/// As Apple writes it in XML.
indirect enum PropertyList {
    case string(String)
    case integer(Int)
    case bool(Bool)
    /// Base 64.
    case data(String)
    case array([PropertyList])
    case dictionary([(String, PropertyList)])

    var document: String {
        """
        <?xml version="1.0" encoding="UTF-8"?>
        <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
        <plist version="1.0">
        \(text(indent: ""))</plist>

        """
    }

    private func text(indent: String) -> String {
        let inner = indent + "    "
        switch self {
        case .string(let text): return "\(indent)<string>\(text.escapedForXML)</string>\n"
        case .integer(let number): return "\(indent)<integer>\(number)</integer>\n"
        case .bool(let value): return "\(indent)<\(value)/>\n"
        case .data(let text): return "\(indent)<data>\(text)</data>\n"
        case .array(let elements):
            return "\(indent)<array>\n" + elements.map { $0.text(indent: inner) }.joined() + "\(indent)</array>\n"
        case .dictionary(let entries):
            let lines = entries.map { "\(inner)<key>\($0.escapedForXML)</key>\n" + $1.text(indent: inner) }
            return "\(indent)<dict>\n" + lines.joined() + "\(indent)</dict>\n"
        }
    }
}

extension String {
    fileprivate var escapedForXML: String {
        var text = ""
        for character in unicodeScalars {
            switch character {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case _: text.unicodeScalars.append(character)
            }
        }
        return text
    }
}
