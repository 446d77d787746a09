// Products of copies in strips are the exact integers, however many points there are, at the level in force.
#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "kernels/copy_products.hpp"
#include "sublinear/kernels/random.hpp"

using namespace sublinear;

TEST_CASE("products of strips with points are exact") {
  RandomStream random(3, RandomPurpose::weights);
  for (const Index stride : {16, 48, 784}) {
    const Index strips = 5, rows = strips * kStrip;
    std::vector<std::int8_t> copies(static_cast<std::size_t>(rows * stride)), laid(copies.size());
    for (std::size_t k = 0; k < copies.size(); ++k)
      copies[k] =
          static_cast<std::int8_t>(k % 7 == 0 ? (k % 2 == 0 ? -127 : 127) : static_cast<int>(random.below(255)) - 127);
    for (Index r = 0; r < rows; ++r)
      for (Index j = 0; j < stride; ++j)
        laid[static_cast<std::size_t>(r / kStrip * kStrip * stride + j / 4 * 4 * kStrip + r % kStrip * 4 + j % 4)] =
            copies[static_cast<std::size_t>(r * stride + j)];
    for (const Index count : {1, 2, 3, 7, 8, 21}) {
      std::vector<std::vector<std::uint8_t>> points;
      std::vector<std::vector<std::int32_t>> out;
      std::vector<const std::uint8_t*> point_at;
      std::vector<std::int32_t*> out_at;
      for (Index p = 0; p < count; ++p) {
        auto& point = points.emplace_back(static_cast<std::size_t>(stride));
        for (std::uint8_t& byte : point)
          if (p % 3 != 2 || random.below(4) == 0)
            byte = static_cast<std::uint8_t>(p % 3 == 1 ? kMostOfPoint : random.below(kMostOfPoint + 1));
        out.emplace_back(static_cast<std::size_t>(rows), -1);
      }
      for (std::size_t p = 0; p < points.size(); ++p) {
        point_at.push_back(points[p].data());
        out_at.push_back(out[p].data());
      }
      copy_products(laid.data(), strips, stride, point_at.data(), count, out_at.data());
      for (std::size_t p = 0; p < points.size(); ++p) {
        std::vector<Quad> quads;
        for (Index j = 0; j < stride; j += 4) {
          Quad quad{static_cast<std::int32_t>(j / 4), 0};
          std::memcpy(&quad.bytes, points[p].data() + j, 4);
          if (quad.bytes != 0) quads.push_back(quad);
        }
        std::vector<std::int32_t> sparse(static_cast<std::size_t>(rows), -1);
        sparse_copy_products(laid.data(), strips, stride, quads.data(), static_cast<Index>(quads.size()),
                             sparse.data());
        for (Index r = 0; r < rows; ++r) {
          std::int32_t sum = 0;
          for (Index j = 0; j < stride; ++j)
            sum += std::int32_t{copies[static_cast<std::size_t>(r * stride + j)]} *
                   std::int32_t{points[p][static_cast<std::size_t>(j)]};
          REQUIRE(out[p][static_cast<std::size_t>(r)] == sum);
          REQUIRE(sparse[static_cast<std::size_t>(r)] == sum);
        }
      }
    }
  }
}
