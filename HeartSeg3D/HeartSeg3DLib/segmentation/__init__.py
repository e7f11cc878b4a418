"""From one image to the labels of the heart on the image's own grid."""
