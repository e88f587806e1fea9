// SPDX-License-Identifier: Apache-2.0
import Primitives
import Testing

@Suite struct IPAddressTests {
    @Test(
        "IPv6 addresses are printed as RFC 5952 §4 recommends",
        arguments: [
            // §4.1, §4.2.1, §4.2.2
            ("2001:0db8::0001", "2001:db8::1"), ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            // §4.2.3
            ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            // §4.3
            ("2001:DB8::AAAA:FFFF:0:CcCc", "2001:db8::aaaa:ffff:0:cccc"),
            // §1 and §2
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("2001:db8::0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"),
            // §5
            ("::ffff:c000:0201", "::ffff:192.0.2.1"), ("::FFFF:192.0.2.1", "::ffff:192.0.2.1"),
            ("::ffff:0:0", "::ffff:0.0.0.0"), ("::fffe:c000:201", "::fffe:c000:201"),
            ("1::ffff:c000:201", "1::ffff:c000:201"),
            // The ends.
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("0:0:0:0:0:0:0:0", "::"), ("0:0:0:0:0:0:0:1", "::1"),
            ("1:0:0:0:0:0:0:0", "1::"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
            ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ]
    ) func canonicalForm(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(canonical) == address)
        #expect(!address.isV4)
    }

    @Test(
        "IPv4 addresses are read and printed",
        arguments: [
            ("0.0.0.0", UInt32(0)), ("127.0.0.1", 0x7F00_0001), ("192.0.2.1", 0xC000_0201), ("255.255.255.255", .max),
        ]
    ) func v4(text: String, value: UInt32) {
        #expect(IPAddress(text) == .v4(value))
        #expect(IPAddress.v4(value).description == text)
    }

    @Test(
        "What is no address is refused",
        arguments: [
            "", " ", ".", ":", ":::", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "256.0.0.1", "1.2.3.256",
            "01.2.3.4", "1.2.3.00", "1.2.3.4 ", " 1.2.3.4", "+1.2.3.4", "-1.2.3.4", "1.2.3.4a", "0x1.2.3.4",
            "1.2.3.1000",
            "１.2.3.4", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8",
            "1:2:3:4::5:6:7:8", "12345::", "g::", ":1::", "::1:", "1:", ":1", "1:2:3:4:5:6:7:", "[::1]", "::1%eth0",
            "::1/64",
            "::1.2.3", "::1.2.3.4.5", "::1.2.3.256", "1.2.3.4::", "::1.2.3.4:1", "1:2:3:4:5:6:7:1.2.3.4", "::+1",
            "::-1",
            ":::1", "1:::2", "::1\n", "::\u{0}",
        ]
    ) func refused(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("4 or 16 bytes in network order are an address, and no other count is", arguments: 0...20)
    func bytes(count: Int) throws {
        let bytes = (0..<count).map { UInt8($0 + 1) }
        let address = IPAddress(bytes: bytes)
        #expect((address != nil) == (count == 4 || count == 16))
        if let address { #expect(address.bytes == bytes) }
        #expect(IPAddress(bytes: bytes[...].dropFirst(0)) == address)
    }

    @Test("The bytes and the text mean the same address")
    func bytesAndText() {
        #expect(IPAddress(bytes: [192, 0, 2, 1]) == IPAddress("192.0.2.1"))
        #expect(
            IPAddress(bytes: [0x20, 1, 0x0D, 0xB8] + Array(repeating: 0, count: 11) + [1]) == IPAddress("2001:db8::1")
        )
    }

    @Test("Addresses count upwards and stop at the end of the address space")
    func advancing() {
        #expect(IPAddress("192.0.2.255")?.advanced(by: 1) == IPAddress("192.0.3.0"))
        #expect(IPAddress("192.0.2.1")?.advanced(by: 0) == IPAddress("192.0.2.1"))
        #expect(IPAddress("255.255.255.254")?.advanced(by: 1) == IPAddress("255.255.255.255"))
        #expect(IPAddress("255.255.255.255")?.advanced(by: 1) == nil)
        #expect(IPAddress("0.0.0.1")?.advanced(by: .max) == nil)
        #expect(IPAddress("2001:db8::ffff")?.advanced(by: 1) == IPAddress("2001:db8::1:0"))
        #expect(IPAddress("2001:db8::ffff:ffff:ffff:ffff")?.advanced(by: 2) == IPAddress("2001:db8:0:1::1"))
        #expect(IPAddress("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")?.advanced(by: 1) == nil)
    }

    @Test("Addresses are ordered by number, IPv4 first")
    func order() throws {
        let texts = ["0.0.0.0", "9.255.255.255", "10.0.0.0", "255.255.255.255", "::", "::1", "0:0:0:1::", "2001:db8::"]
        let addresses = try texts.map { try #require(IPAddress($0)) }
        #expect(addresses.reversed().sorted() == addresses)
    }

    @Test("The unspecified addresses are told apart from others")
    func unspecified() {
        #expect(IPAddress("0.0.0.0")?.isUnspecified == true)
        #expect(IPAddress("::")?.isUnspecified == true)
        #expect(IPAddress("0.0.0.1")?.isUnspecified == false)
        #expect(IPAddress("::1")?.isUnspecified == false)
        #expect(IPAddress("1::")?.isUnspecified == false)
    }

    @Test("The families have 32 and 128 bits")
    func widths() {
        #expect(IPAddress.v4(1).bitWidth == 32)
        #expect(IPAddress.v6(high: 0, low: 1).bitWidth == 128)
    }
}
