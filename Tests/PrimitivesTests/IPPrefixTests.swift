// SPDX-License-Identifier: Apache-2.0
import Primitives
import Testing

@Suite struct IPPrefixTests {
    @Test(
        "Bits beyond the length are cleared",
        arguments: [
            ("192.0.2.129/24", "192.0.2.0/24"), ("192.0.2.129/25", "192.0.2.128/25"), ("192.0.2.1/32", "192.0.2.1/32"),
            ("255.255.255.255/1", "128.0.0.0/1"), ("192.0.2.1/0", "0.0.0.0/0"), ("192.0.2.1", "192.0.2.1/32"),
            ("2001:db8::1/64", "2001:db8::/64"), ("2001:db8::1:0:0:1/63", "2001:db8::/63"),
            ("2001:db8::ffff:0:0:1/65", "2001:db8:0:0:8000::/65"), ("2001:db8::1/128", "2001:db8::1/128"),
            ("ffff::ffff/0", "::/0"), ("ffff::ffff/1", "8000::/1"), ("::1", "::1/128"),
            ("1:2:3:4:5:6:7:8/127", "1:2:3:4:5:6:7:8/127"), ("1:2:3:4:5:6:7:9/127", "1:2:3:4:5:6:7:8/127"),
        ]
    ) func clearing(text: String, canonical: String) throws {
        let prefix = try #require(IPPrefix(text))
        #expect(prefix.description == canonical)
        #expect(IPPrefix(canonical) == prefix)
    }

    @Test(
        "What is no prefix is refused",
        arguments: [
            "", "/", "/24", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/+1", "192.0.2.0/24/24", "::/129",
            "192.0.2/24", "192.0.2.0/ 24", "192.0.2.0/99999999999999999999", "::/a",
        ]
    ) func refused(text: String) {
        #expect(IPPrefix(text) == nil)
    }

    @Test("A length the family does not have is refused")
    func lengths() {
        #expect(IPPrefix(.v4(0), length: -1) == nil)
        #expect(IPPrefix(.v4(0), length: 33) == nil)
        #expect(IPPrefix(.v6(high: 0, low: 0), length: 129) == nil)
        #expect(IPPrefix(.v4(0), length: 32)?.length == 32)
    }

    @Test("A prefix contains its first and its last address, and not those beside them")
    func containment() throws {
        let v4 = try #require(IPPrefix("192.0.2.0/25"))
        let v6 = try #require(IPPrefix("2001:db8:0:10::/60"))
        for (prefix, inside, outside) in [
            (v4, ["192.0.2.0", "192.0.2.127"], ["192.0.1.255", "192.0.2.128", "::c000:200"]),
            (
                v6, ["2001:db8:0:10::", "2001:db8:0:1f:ffff:ffff:ffff:ffff"],
                ["2001:db8:0:f::", "2001:db8:0:20::", "0.0.0.0"]
            ),
        ] {
            for text in inside { #expect(prefix.contains(try #require(IPAddress(text)))) }
            for text in outside { #expect(!prefix.contains(try #require(IPAddress(text)))) }
        }
        let everything = try #require(IPPrefix("0.0.0.0/0"))
        #expect(everything.contains(.v4(.max)))
        #expect(!everything.contains(.v6(high: 0, low: 0)))
    }
}
