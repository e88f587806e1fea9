// SPDX-License-Identifier: Apache-2.0

// A document of ten thousand calls is written many times faster without going through `Encodable`. It is byte by byte
// what Foundation writes with sorted keys; a test compares them, so whoever adds a property adds a line here.
extension CallSnapshot {
    /// `{"sessions":[…]}`, ordered by trace and session unless they have an order already.
    package static func document(of calls: [CallSnapshot], isOrdered: Bool = false) -> [UInt8] {
        var writer = JSONWriter()
        writer.bytes.reserveCapacity(32 + calls.count * 1400)
        writer.begin("sessions", "[")
        let order = isOrdered ? Array(calls.indices) : calls.indices.sorted { calls[$0].precedes(calls[$1]) }
        for (place, index) in order.enumerated() {
            if place > 0 { writer.bytes.append(UInt8(ascii: ",")) }
            calls[index].write(into: &writer)
        }
        writer.bytes.append(contentsOf: "]}".utf8)
        return writer.bytes
    }

    /// In the order of lists.
    package func precedes(_ other: CallSnapshot) -> Bool {
        (trace, l2tp?.tunnel ?? 0, l2tp?.session ?? 0) < (
            other.trace, other.l2tp?.tunnel ?? 0, other.l2tp?.session ?? 0
        )
    }

    private func write(into writer: inout JSONWriter) {
        writer.begin()
        writer.put("ageSeconds", ageSeconds)
        writer.key("esp")
        writer.bytes.append(UInt8(ascii: "["))
        for (place, part) in esp.enumerated() {
            if place > 0 { writer.bytes.append(UInt8(ascii: ",")) }
            part.write(into: &writer)
        }
        writer.bytes.append(UInt8(ascii: "]"))
        writer.put("gatewayAddress", gatewayAddress)
        writer.put("idleSeconds", idleSeconds)
        writer.key("ike")
        ike.write(into: &writer)
        writer.put("innerAddress", innerAddress)
        writer.put("interface", interface)
        if let l2tp {
            writer.key("l2tp")
            l2tp.write(into: &writer)
        }
        writer.put("mtu", mtu)
        writer.put("mtuExplanation", mtuExplanation)
        if let ppp {
            writer.key("ppp")
            ppp.write(into: &writer)
        }
        writer.put("state", state)
        writer.put("trace", trace)
        if let traffic {
            writer.key("traffic")
            traffic.write(into: &writer)
        }
        writer.put("user", user)
        writer.end()
    }
}

extension CallSnapshot.IKEPart {
    fileprivate func write(into writer: inout JSONWriter) {
        writer.begin()
        writer.put("ageSeconds", ageSeconds)
        writer.put("client", client)
        writer.put("identity", identity)
        writer.put("key", key)
        writer.put("local", local)
        writer.put("localBehindNAT", localBehindNAT)
        writer.put("peer", peer)
        writer.put("peerBehindNAT", peerBehindNAT)
        writer.put("profile", profile)
        writer.put("state", state)
        writer.put("transform", transform)
        writer.end()
    }
}

extension CallSnapshot.ESPPart {
    fileprivate func write(into writer: inout JSONWriter) {
        writer.begin()
        writer.put("encapsulated", encapsulated)
        writer.put("inboundSPI", inboundSPI)
        writer.put("outboundSPI", outboundSPI)
        writer.put("requestID", requestID)
        writer.put("sending", sending)
        writer.put("transform", transform)
        writer.end()
    }
}

extension CallSnapshot.L2TPPart {
    fileprivate func write(into writer: inout JSONWriter) {
        writer.begin()
        writer.put("hostName", hostName)
        writer.put("peerSession", peerSession)
        writer.put("peerTunnel", peerTunnel)
        writer.put("session", session)
        writer.put("tunnel", tunnel)
        writer.end()
    }
}

extension CallSnapshot.PPPPart {
    fileprivate func write(into writer: inout JSONWriter) {
        writer.begin()
        writer.put("authentication", authentication)
        writer.put("peerMRU", peerMRU)
        writer.put("phase", phase)
        writer.end()
    }
}

extension CallSnapshot.TrafficPart {
    fileprivate func write(into writer: inout JSONWriter) {
        writer.begin()
        writer.put("receivedBytes", receivedBytes)
        writer.put("receivedPackets", receivedPackets)
        writer.put("sentBytes", sentBytes)
        writer.put("sentPackets", sentPackets)
        writer.end()
    }
}

/// Appends JSON to an array of bytes. What is absent is left out.
private struct JSONWriter {
    var bytes: [UInt8] = []
    private var isFirst = true

    mutating func begin() {
        bytes.append(UInt8(ascii: "{"))
        isFirst = true
    }

    mutating func begin(_ key: StaticString, _ bracket: Unicode.Scalar) {
        begin()
        self.key(key)
        bytes.append(UInt8(ascii: bracket))
    }

    mutating func end() {
        bytes.append(UInt8(ascii: "}"))
        isFirst = false
    }

    /// Keys have no character that would need escaping.
    mutating func key(_ key: StaticString) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        bytes.append(UInt8(ascii: "\""))
        key.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    mutating func put(_ key: StaticString, _ value: Bool) {
        self.key(key)
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    mutating func put(_ key: StaticString, _ value: (some FixedWidthInteger)?) {
        guard let value else { return }
        self.key(key)
        bytes.append(contentsOf: String(value).utf8)
    }

    /// Without `.0`.
    mutating func put(_ key: StaticString, _ value: Double?) {
        guard let value, value.isFinite else { return }
        self.key(key)
        let text = value.description
        bytes.append(contentsOf: text.utf8)
        if text.hasSuffix(".0") { bytes.removeLast(2) }
    }

    mutating func put(_ key: StaticString, _ value: String?) {
        guard let value else { return }
        self.key(key)
        bytes.append(UInt8(ascii: "\""))
        let isPlain = value.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        if isPlain {
            bytes.append(contentsOf: value.utf8)
        } else {
            for byte in value.utf8 { escape(byte) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// RFC 8259 §7.
    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): bytes.append(contentsOf: #"\""#.utf8)
        case UInt8(ascii: "\\"): bytes.append(contentsOf: #"\\"#.utf8)
        case 0x08: bytes.append(contentsOf: #"\b"#.utf8)
        case 0x09: bytes.append(contentsOf: #"\t"#.utf8)
        case 0x0A: bytes.append(contentsOf: #"\n"#.utf8)
        case 0x0C: bytes.append(contentsOf: #"\f"#.utf8)
        case 0x0D: bytes.append(contentsOf: #"\r"#.utf8)
        case 0..<0x20:
            let digits = String(byte, radix: 16)
            bytes.append(contentsOf: (byte < 0x10 ? #"\u000"# : #"\u00"#).utf8)
            bytes.append(contentsOf: digits.utf8)
        case _: bytes.append(byte)
        }
    }
}
