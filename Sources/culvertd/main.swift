// SPDX-License-Identifier: Apache-2.0
Culvertd.start()
