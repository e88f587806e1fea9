// SPDX-License-Identifier: Apache-2.0

/// Version 1 of IKE: RFC 2407 to 2409.
package enum IKEv1 {}
