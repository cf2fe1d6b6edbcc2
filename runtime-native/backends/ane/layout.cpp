// The arithmetic of rows, with every size checked before it is multiplied.

#include "layout.h"

namespace anec::ane {

Result<Layout> Layout::of(ElementType type, const std::vector<int64_t>& shape) {
  int64_t elements = 1;
  std::string text;
  for (const int64_t size : shape) {
    text += (text.empty() ? "" : ", ") + std::to_string(size);
    if (size < 1 || size > largest_surface / elements)
      return Error{"E0626", "a port cannot have this shape: [" + text + ", …]", ""};
    elements *= size;
  }
  if (shape.size() > 4)
    return Error{"E0626", "a port has at most four dimensions: [" + text + "]", ""};

  Layout layout;
  layout.type = type;
  int64_t* const sizes[] = {&layout.width, &layout.height, &layout.channels, &layout.batches};
  for (size_t i = 0; i < shape.size(); ++i) *sizes[i] = shape[shape.size() - 1 - i];
  layout.row_stride = round_up(layout.width * size_of(type), row_alignment);
  layout.plane_stride = layout.height * layout.row_stride;
  layout.batch_stride = layout.channels * layout.plane_stride;
  return layout;
}

bool Layout::is_sound() const {
  const int64_t most = largest_surface;
  for (const int64_t size :
       {batches, channels, height, width, row_stride, plane_stride, batch_stride})
    if (size < 1 || size > most) return false;
  if (width * size_of(type) > row_stride || row_stride % size_of(type) != 0) return false;
  if (height > most / row_stride || height * row_stride > plane_stride) return false;
  if (channels > most / plane_stride || channels * plane_stride > batch_stride) return false;
  return batches <= most / batch_stride;
}

std::string Layout::text() const {
  const auto n = [](int64_t value) { return std::to_string(value); };
  return (type == ElementType::fp16 ? "fp16 [" : "fp32 [") + n(batches) + ", " + n(channels) +
         ", " + n(height) + ", " + n(width) + "], rows of " + n(row_stride) + " bytes, planes of " +
         n(plane_stride) + ", batches of " + n(batch_stride);
}

}  // namespace anec::ane
